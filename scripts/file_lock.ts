/**
 * Runs `work` while no other process does the same under the lock file `path`. The system releases the lock when its
 * holder ends, however it ends.
 *
 * @param onWait called once if another process holds the lock
 */
export async function withFileLock<T>(
  path: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  using file = await Deno.open(path, { create: true, write: true });
  if (!await file.tryLock(true)) {
    onWait();
    await file.lock(true);
  }
  return await work();
}
