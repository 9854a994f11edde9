import { useState } from 'preact/hooks';
import { setPriority } from '../api';

const PRIORITIES = [1, 2, 3, 4, 5] as const;

/** Moves what is queued of a batch or an item before or behind other work, and says what went wrong. */
export function PriorityChoice(props: {
  on: 'job' | 'batch';
  id: string;
  /** Absent: not known, or different from item to item. */
  current?: number;
  onChanged: () => void;
}) {
  const { on, id, current, onChanged } = props;
  const [said, setSaid] = useState('');
  const choose = async (priority: (typeof PRIORITIES)[number]): Promise<void> => {
    try {
      await setPriority(on, id, priority);
      setSaid('');
      onChanged();
    } catch (error) {
      setSaid(error instanceof Error ? error.message : String(error));
    }
  };
  return (
    <span class="action">
      <select
        aria-label="Change the priority"
        value=""
        onChange={(event) => {
          const { value } = event.currentTarget;
          event.currentTarget.value = '';
          const priority = PRIORITIES.find((each) => String(each) === value);
          if (priority !== undefined) void choose(priority);
        }}
      >
        <option value="">{current === undefined ? 'Priority…' : `Priority ${current}`}</option>
        {PRIORITIES.map((priority) => (
          <option key={priority} value={priority}>
            {priority === 1 ? '1, first' : priority === 5 ? '5, last' : priority}
          </option>
        ))}
      </select>
      {said && (
        <span class="problem" role="alert">
          {said}
        </span>
      )}
    </span>
  );
}
