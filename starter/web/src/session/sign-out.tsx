import { signOut, type Session } from '../api';
import { ActionButton } from '../parts/bits';

/** Only for who signed in here: where nobody has keys, or a proxy adds one, there is nothing to leave. */
export function SignOut({ session }: { session: Session }) {
  if (session.sessionEnds === undefined) return null;
  const leave = async (): Promise<void> => {
    await signOut();
    // Nothing of what was seen stays behind.
    location.reload();
  };
  return (
    <span class="who">
      <span title={`Key ${session.name ?? ''}`}>{session.tenant}</span>
      <ActionButton kind="small" label="Sign out" run={leave} />
    </span>
  );
}
