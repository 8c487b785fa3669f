/**
 * Applies `work` to every item, in order, at most `limit` at a time. The first error ends it: what is under way is
 * waited for, nothing more is begun.
 */
export async function concurrently<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failed = false;
  const worker = async (): Promise<void> => {
    while (!failed && next < items.length) {
      const index = next++;
      try {
        results[index] = await work(items[index] as T, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: limit }, worker));
  const first = ends.find((end) => end.status === "rejected");
  if (first !== undefined) throw first.reason;
  return results;
}
