/** Files that stand beside media in folders and are none: hidden ones, thumbnails of systems, sidecars. */
const NO_MEDIA = /^\.|^(thumbs\.db|desktop\.ini)$|\.(xmp|json|txt|xml|aae|thm|html?|pdf|zip|md|csv)$/i;

export const isMediaName = (name: string): boolean => !NO_MEDIA.test(name);

/** What was dropped: files as they are, and of folders all files in them that may be media, at any depth. */
export async function filesOf(transfer: DataTransfer): Promise<File[]> {
  // The list is empty once the event is over, so all of it is taken before the first wait.
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const found = items.map((item) => ({ folder: folderOf(item), file: item.getAsFile() }));
  const files: File[] = [];
  for (const { folder, file } of found) {
    if (folder !== undefined) files.push(...(await inFolder(folder)));
    else if (file !== null) files.push(file);
  }
  return files;
}

function folderOf(item: DataTransferItem): FileSystemDirectoryEntry | undefined {
  const entry = item.webkitGetAsEntry();
  return entry?.isDirectory ? (entry as FileSystemDirectoryEntry) : undefined;
}

async function inFolder(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const reader = folder.createReader();
  const files: File[] = [];
  for (;;) {
    // A hundred at a time, until there are none.
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return files;
    for (const entry of entries) {
      if (entry.isDirectory) files.push(...(await inFolder(entry as FileSystemDirectoryEntry)));
      else if (isMediaName(entry.name)) files.push(await fileOf(entry as FileSystemFileEntry));
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject));
}
