/** Items that one page holds when the caller names no number, and at most. */
export const pageSizeDefault = 20;
export const pageSizeMax = 100;
