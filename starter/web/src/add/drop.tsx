import { useEffect, useState } from 'preact/hooks';
import { toAdd } from '../lib/route';
import { Icon } from '../parts/icon';
import { filesOf } from './files';
import { rememberedChoice } from './preset';
import { enqueue } from './queue';

const hasFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') ?? false;

/** Files may be dropped on any page. */
export function DropAnywhere() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const on = (type: 'dragover' | 'dragleave' | 'drop', react: (event: DragEvent) => void): void =>
      addEventListener(type, react, { signal: stop.signal });
    on('dragover', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    });
    on('dragleave', (event) => {
      if (event.relatedTarget === null) setOver(false);
    });
    on('drop', (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) void filesOf(event.dataTransfer).then((files) => enqueue(files, rememberedChoice()));
      location.hash = toAdd;
    });
    return () => stop.abort();
  }, []);
  if (!over) return null;
  return (
    <div class="drop-veil" aria-hidden="true">
      <p>
        <Icon name="upload" /> Drop to process with <b>{rememberedChoice().preset}</b>
      </p>
    </div>
  );
}
