// What the C library and `minigrad/precise.py` are in Python. The rows' arithmetic, which is written by
// minigrad/page/translate.py, comes after this and calls these names.
const {
  abs, acos, acosh, asin, asinh, atan, atan2, atanh, cos, cosh, exp, expm1, floor, log, log10, log1p, log2, sin,
  sinh, sqrt, tan, tanh,
} = Math;
const libm_cbrt = Math.cbrt;
const isfinite = Number.isFinite;

function copysign(x, y) {
  return y < 0 || Object.is(y, -0) ? -abs(x) : abs(x);
}

function exp2(x) {
  return 2 ** x;
}

// As C's: 1 to any power is 1, and so is -1 to an infinite one.
function pow(x, y) {
  return x === 1 || (x === -1 && abs(y) === Infinity) ? 1 : x ** y;
}

// The series with positive terms, DLMF 7.6.2.
function erf(x) {
  if (abs(x) > 1) return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let term = x;
  let sum = x;
  for (let k = 1; abs(term) > 1e-18 * abs(sum); k += 1) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return sum * 2 / sqrt(Math.PI) * exp(-x * x);
}

// The continued fraction, DLMF 7.9.1, from its end.
function erfc(x) {
  if (x < 1 || x !== x) return 1 - erf(x);
  if (x > 27.5) return 0;
  let tail = 0;
  for (let k = 400; k > 0; k -= 1) tail = k / 2 / (x + tail);
  const high = Math.fround(x); // its square is exact
  return exp(-high * high) * exp(-(x - high) * (x + high)) / (x + tail) / sqrt(Math.PI);
}

// -- where doubles cancel -----------------------------------------------------------------------------------

const BITS = 1074n; // of the smallest double

// A double as a whole number of 2 ** -1074.
function fixed(x) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  const bits = view.getBigUint64(0);
  const exponent = (bits >> 52n) & 2047n;
  const fraction = bits & ((1n << 52n) - 1n);
  const size = exponent ? (fraction | (1n << 52n)) << (exponent - 1n) : fraction;
  return bits >> 63n ? -size : size;
}

// The double nearest to numerator / 2 ** bits, for any size of either.
function scaled(numerator, bits) {
  if (numerator < 0n) return -scaled(-numerator, bits);
  const spare = BigInt(numerator.toString(2).length) - 64n;
  const cut = [0n, spare, bits - BITS].reduce((x, y) => (x > y ? x : y));
  const rest = numerator & ((1n << cut) - 1n) ? 1n : 0n; // what is cut off still decides a tie
  const shift = Number(cut - bits);
  return Number((numerator >> cut) | rest) * 2 ** floor(shift / 2) * 2 ** (shift - floor(shift / 2));
}

const precise = {
  total(numbers, divisor) {
    const sum = numbers.reduce((so_far, x) => so_far + fixed(x), 0n);
    return scaled((sum << 64n) / BigInt(divisor), BITS + 64n);
  },
  dot(left, right) {
    return scaled(left.reduce((so_far, x, i) => so_far + fixed(x) * fixed(right[i]), 0n), 2n * BITS);
  },
  logsumexp(numbers) {
    return log1p(numbers.reduce((so_far, x) => so_far + expm1(x), numbers.length - 1));
  },
  sigmoid_minus(z, y) {
    return sigmoid(z) - y;
  },
  // DLMF 5.5.3.
  lgamma(x) {
    if (x > -1e-150) return -log(-x);
    return log(Math.PI) - log(abs(sin_pi(x))) - lgamma(1 - x);
  },
  // Orders above 8 are taken from the series, and left of 0 one goes to the right, DLMF 5.15.5.
  polygamma(n, x) {
    if (n === 0) return digamma(1 - x) - Math.PI / tan_pi(x);
    let sum = 0;
    let factorial = 1;
    for (let k = 2; k <= n; k += 1) factorial *= k;
    for (; x < (n > 8 ? 40 + n : 1); x += 1) sum += (factorial / x ** n) / x;
    if (n <= 8) return (n % 2 ? sum : -sum) + polygamma(n, x);
    const tail = (factorial / n / x ** n) * (1 + n / (2 * x) + (n * (n + 1)) / (12 * x * x));
    return (n % 2 ? 1 : -1) * (sum + tail);
  },
};

// sin(pi x) and tan(pi x), the whole part of x taken off first, which is exact.
function sin_pi(x) {
  return sin(Math.PI * (x - Math.round(x)));
}

function tan_pi(x) {
  return tan(Math.PI * (x - Math.round(x)));
}
