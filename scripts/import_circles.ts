/**
 * Circles of imports: files that cannot be understood one after the other, because each needs the next.
 *
 * @module
 */

/** Something that imports others, by their names. */
export interface Importer {
  readonly path: string;
  /** For their types or in full: to a reader it is the same. */
  readonly imports: readonly string[];
}

/**
 * The circles, each as the chain of its members, which begins with the first by name: `["a", "b"]` for a that imports b
 * that imports a. Of the circles through a member the shortest is told, so that all of them are gone when none is told.
 */
export function importCircles(importers: readonly Importer[]): string[][] {
  const importsOf = new Map(importers.map(({ path, imports }) => [path, imports]));
  const circles = new Map<string, string[]>();
  for (const { path } of importers) {
    const circle = shortestCircle(path, importsOf);
    if (circle === undefined) continue;
    const first = circle.indexOf(circle.toSorted()[0]);
    const turned = [...circle.slice(first), ...circle.slice(0, first)];
    circles.set(turned.join(" "), turned);
  }
  return [...circles.values()];
}

/** The shortest way from a member back to itself, by looking at all that it imports, then at all that those import, ... */
function shortestCircle(
  start: string,
  importsOf: ReadonlyMap<string, readonly string[]>,
): string[] | undefined {
  const importedBy = new Map<string, string>();
  const queue = [start];
  for (const path of queue) {
    for (const imported of importsOf.get(path) ?? []) {
      if (imported === start) return wayTo(path, start, importedBy);
      if (importedBy.has(imported)) continue;
      importedBy.set(imported, path);
      queue.push(imported);
    }
  }
}

function wayTo(end: string, start: string, importedBy: ReadonlyMap<string, string>): string[] {
  const way = [end];
  while (way[0] !== start) way.unshift(importedBy.get(way[0])!);
  return way;
}

/**
 * The folders of some files as importers of each other. A folder and one within it are not told apart: what is in the inner
 * one is a part of the outer.
 */
export function folderImports(files: readonly Importer[]): Importer[] {
  const imports = new Map<string, Set<string>>();
  for (const file of files) {
    const folder = folderOf(file.path);
    const others = imports.get(folder) ?? new Set();
    imports.set(folder, others);
    for (const imported of file.imports) {
      const other = folderOf(imported);
      if (!isWithin(other, folder) && !isWithin(folder, other)) others.add(other);
    }
  }
  return Array.from(imports, ([path, others]) => ({ path, imports: [...others] }));
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}

function isWithin(inner: string, outer: string): boolean {
  return inner.startsWith(outer);
}
