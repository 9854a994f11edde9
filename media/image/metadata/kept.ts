/** Metadata as it is written into a file. */
export interface Kept {
  /** A block of TIFF. */
  exif?: Buffer;
  /** A packet of XMP. */
  xmp?: Buffer;
  /** The resource list of Photoshop with IPTC in it. */
  iptc?: Buffer;
}

/** Bytes of one block that every format has room for: those of a JPEG's marker. */
export const MAX_BLOCK = 65_400;
