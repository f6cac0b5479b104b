/** Hands `work` a deadline that passes after `ms`, and resolves when the work is done. */
export async function withDeadline(ms: number, work: (deadline: Promise<void>) => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  try {
    await work(deadline);
  } finally {
    clearTimeout(timer);
  }
}
