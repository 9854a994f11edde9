import { useEffect, useState } from 'preact/hooks';
import { getSession, KEY_WANTED, type Session } from '../api';

/** `asking`: the service was not heard yet. `signed-out`: it wants a key first. */
export type SessionState = 'asking' | 'signed-out' | Session;

/** Who is signed in. Any call that the service refuses for want of a key changes it, so that an expired session shows at once. */
export function useSession(): [SessionState, (session: Session) => void] {
  const [state, setState] = useState<SessionState>('asking');
  useEffect(() => {
    const signedOut = (): void => setState('signed-out');
    addEventListener(KEY_WANTED, signedOut);
    getSession().then(setState, () => {
      // A service that is away is told of by the pages themselves; one that wants a key has been heard above.
      setState((before) => (before === 'asking' ? {} : before));
    });
    return () => removeEventListener(KEY_WANTED, signedOut);
  }, []);
  return [state, setState];
}
