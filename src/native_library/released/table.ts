/**
 * The native libraries that were published with this package. A release makes this table (`scripts/make_library_table.ts`);
 * in the repository it is empty.
 *
 * @module
 */
import type { ReleasedLibrary } from "./released_library.ts";

export const releasedLibraries: readonly ReleasedLibrary[] = [];
