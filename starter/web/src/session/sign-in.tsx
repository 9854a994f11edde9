import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn, type Session } from '../api';
import { useTitle } from '../lib/title';

/** Asks for a key, once: the service answers with a cookie, and the page forgets the key. */
export function SignIn({ onSignedIn }: { onSignedIn: (session: Session) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  useEffect(() => input.current?.focus(), []);
  useTitle('Sign in');

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const key = input.current?.value.trim() ?? '';
    if (key === '') return;
    setBusy(true);
    setProblem('');
    try {
      onSignedIn(await signIn(key));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setBusy(false);
      input.current?.select();
    }
  };

  return (
    <div class="page sign-in">
      <h1>Sign in</h1>
      <form onSubmit={(event) => void submit(event)}>
        <label for="key">Key</label>
        <input
          id="key"
          ref={input}
          type="password"
          autocomplete="current-password"
          required
          aria-invalid={problem !== ''}
          aria-describedby="key-problem"
        />
        <p id="key-problem" class="problem" role="alert">
          {problem}
        </p>
        <button class="button primary" type="submit" disabled={busy}>
          Sign in
        </button>
      </form>
      <p class="sign-in-note">
        Paste the key that you were given for this service. It is not kept here: you stay signed in for twelve hours, or
        until you sign out.
      </p>
    </div>
  );
}
