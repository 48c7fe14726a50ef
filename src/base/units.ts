/** Sizes as people write them: `500G`, `1.5TB`, `2TiB`. Pure. */

const prefixes = ['', 'k', 'm', 'g', 't', 'p']

/** Bytes of a size: `G` and `GB` count in thousands, `GiB` in 1024s. Undefined when it is none. */
export function bytesOfSize(text: string): number | undefined {
  const match = /^(\d{1,12}(?:\.\d{1,6})?) ?([kmgtp]?)(i?)b?$/i.exec(text.trim())
  if (match === null) return undefined
  const [, digits, prefix = '', binary] = match
  if (binary !== '' && prefix === '') return undefined
  const base = binary === '' ? 1000 : 1024
  const bytes = Math.floor(Number(digits) * base ** prefixes.indexOf(prefix.toLowerCase()))
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
