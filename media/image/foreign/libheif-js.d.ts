/** What of libheif-js is used; the package's own types are of another build of it. */
declare module 'libheif-js/wasm-bundle.js' {
  interface HeifImage {
    is_primary(): boolean;
    /** px, turned upright. */
    get_width(): number;
    get_height(): number;
    /** Fills `data` (RGBA, 8 bits) and hands it on; null where the picture cannot be decoded. */
    display(
      to: { data: Uint8ClampedArray; width: number; height: number },
      done: (shown: { data: Uint8ClampedArray } | null) => void,
    ): void;
    free(): void;
  }
  const libheif: { HeifDecoder: new () => { decode(bytes: Uint8Array): HeifImage[] } };
  export default libheif;
}
