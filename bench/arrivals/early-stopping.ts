/**
 * The fewest documents after which a limit on a quantile counts as kept although `misses` of them exceeded
 * it: the smallest n with P(Binomial(n, 1 − quantile) ≤ misses) ≤ 1 − confidence. The rule is MLPerf's early
 * stopping (MLCommons inference policies, appendix "Early stopping", with no extra tolerance).
 */
export function minDocuments({
  misses,
  quantile,
  confidence,
}: {
  readonly misses: number;
  readonly quantile: number;
  readonly confidence: number;
}): number {
  const keeps = (n: number) => binomialCdf(misses, { n, p: 1 - quantile }) <= 1 - confidence;
  let high = misses + 1;
  while (!keeps(high)) high *= 2;
  let low = misses + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (keeps(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** P(X ≤ k) for X binomial, added up in logarithms so that it does not underflow. */
function binomialCdf(k: number, { n, p }: { readonly n: number; readonly p: number }): number {
  if (k >= n) return 1;
  let term = n * Math.log1p(-p);
  let sum = Math.exp(term);
  for (let i = 1; i <= k; i++) {
    term += Math.log((n - i + 1) / i) + Math.log(p) - Math.log1p(-p);
    sum += Math.exp(term);
  }
  return Math.min(1, sum);
}
