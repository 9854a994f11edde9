import { remove } from '../api';
import { ActionButton } from './bits';

/** Deletes an item or a batch for good, after a question; then the page goes to where the list without it is. */
export function RemoveButton(props: { on: 'job' | 'batch'; id: string; name: string; text: string; to: string }) {
  const { on, id, name, text, to } = props;
  const run = async (): Promise<void> => {
    const isDone = await remove(on, id);
    if (!isDone) throw new Error('The deletion takes longer: a worker goes on with it.');
    location.hash = to;
  };
  return (
    <ActionButton
      icon="bin"
      label="Delete"
      question={{ title: `Delete ${name}?`, text, yes: 'Delete for good', no: 'Keep it' }}
      run={run}
    />
  );
}
