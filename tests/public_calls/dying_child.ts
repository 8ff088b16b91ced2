/** Dies at the eighth program. */
const [first, count] = Deno.args.map(Number);
for (let seed = first; seed < first + count; seed++) {
  if (seed === 8) Deno.exit(70);
  console.log(`${seed} 1 1`);
}
