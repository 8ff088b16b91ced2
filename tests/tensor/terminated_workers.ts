/** Terminates workers at any time of what they do. */
const NUM_WORKERS = 12;

for (let i = 0; i < NUM_WORKERS; i++) {
  const url = new URL("computing_worker.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  await new Promise((resolve) => worker.onmessage = resolve);
  await new Promise((resolve) => setTimeout(resolve, 10 * i));
  worker.terminate();
}
console.log("end");
