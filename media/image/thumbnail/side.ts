/** px of the picture that everything here looks at; a ThumbHash holds seven waves a side at most, so more would add nothing. */
export const THUMBNAIL_SIDE = 64;
