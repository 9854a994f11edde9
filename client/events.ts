export interface SentEvent {
  id?: string;
  data: string;
}

/** Events of a stream; ends where the connection does, be it by a fault. */
export async function* eventsOf({ body }: Response): AsyncGenerator<SentEvent> {
  if (body === null) return;
  const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  const decoder = new TextDecoder();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await reader.read().catch(() => ({ done: true, value: undefined }));
      if (done || value === undefined) return;
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string): string | undefined =>
          lines
            .find((line) => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim();
        const data = field('data');
        if (data !== undefined) yield { id: field('id'), data };
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}
