import type { RefObject } from 'preact';

/** What is asked before something is done that cannot simply be undone. */
export interface Question {
  title: string;
  /** What will happen, to how much. */
  text: string;
  yes: string;
  no: string;
}

/** A question over the page. Escape and the first button, which has the focus, do nothing. */
export function Confirm(props: { dialog: RefObject<HTMLDialogElement | null>; question: Question; onYes: () => void }) {
  const { title, text, yes, no } = props.question;
  const close = (): void => props.dialog.current?.close();
  return (
    <dialog class="confirm" ref={props.dialog} aria-labelledby="confirm-title" aria-describedby="confirm-text">
      <h2 id="confirm-title">{title}</h2>
      <p id="confirm-text">{text}</p>
      <div class="actions">
        <button type="button" class="button" autofocus onClick={close}>
          {no}
        </button>
        <button
          type="button"
          class="button danger"
          onClick={() => {
            close();
            props.onYes();
          }}
        >
          {yes}
        </button>
      </div>
    </dialog>
  );
}
