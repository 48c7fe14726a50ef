/** Dates as HTTP and S3 write them. `Date.parse` takes far too much, so these are strict. */

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const month = `(${months.join('|')})`
const time = '(\\d{2}):(\\d{2}):(\\d{2})'
const imfFixdate = new RegExp(`^(${days.join('|')}), (\\d{2}) ${month} (\\d{4}) ${time} GMT$`)
const rfc850 = new RegExp(`^(${dayNames.join('|')}), (\\d{2})-${month}-(\\d{2}) ${time} GMT$`)
const asctime = new RegExp(`^(${days.join('|')}) ${month} ([ \\d]\\d) ${time} (\\d{4})$`)
const extendedIso =
  /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|\+00:00))?$/
const basicIso = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/

interface Moment {
  readonly year: number
  /** From 0. */
  readonly month: number
  readonly day: number
  readonly clock: readonly [string | undefined, string | undefined, string | undefined]
}

/** Milliseconds of `2013-05-24T00:00:00Z` from `20130524T000000Z`; undefined for anything else. */
export function parseBasicIso(text: string): number | undefined {
  const found = basicIso.exec(text)
  if (found === null) return undefined
  return millisecondsOf({
    year: Number(found[1]),
    month: Number(found[2]) - 1,
    day: Number(found[3]),
    clock: [found[4], found[5], found[6]],
  })
}

/**
 * Milliseconds of `2013-05-24T00:00:00.000Z`, in UTC, with or without a fraction, or of a day
 * alone; undefined for anything else. Source: ISO 8601 as S3's documents use it.
 */
export function parseIsoDate(text: string): number | undefined {
  const found = extendedIso.exec(text)
  if (found === null) return undefined
  const millis = millisecondsOf({
    year: Number(found[1]),
    month: Number(found[2]) - 1,
    day: Number(found[3]),
    clock: [found[4] ?? '00', found[5] ?? '00', found[6] ?? '00'],
  })
  const fraction = (found[7] ?? '').slice(0, 3).padEnd(3, '0')
  return millis === undefined ? undefined : millis + Number(fraction)
}

/**
 * Milliseconds of an HTTP date in any of its three forms; undefined for anything else.
 * The name of the day is not held against the date. Source: RFC 9110 section 5.6.7.
 *
 * @param nowMillis tells which century a year of two digits means
 */
export function parseHttpDate(text: string, nowMillis: number): number | undefined {
  let found = imfFixdate.exec(text)
  if (found !== null) {
    return millisecondsOf({
      year: Number(found[4]),
      month: months.indexOf(found[3] ?? ''),
      day: Number(found[2]),
      clock: [found[5], found[6], found[7]],
    })
  }
  found = rfc850.exec(text)
  if (found !== null) {
    return millisecondsOf({
      year: fullYear(Number(found[4]), nowMillis),
      month: months.indexOf(found[3] ?? ''),
      day: Number(found[2]),
      clock: [found[5], found[6], found[7]],
    })
  }
  found = asctime.exec(text)
  if (found === null) return undefined
  return millisecondsOf({
    year: Number(found[7]),
    month: months.indexOf(found[2] ?? ''),
    day: Number(found[3]),
    clock: [found[4], found[5], found[6]],
  })
}

let lastSecond = -1
let lastText = ''

/** IMF-fixdate of whole seconds, as in Last-Modified. The last answer is remembered. */
export function httpDateOf(micros: number): string {
  const second = Math.floor(micros / 1_000_000)
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toUTCString()
    lastSecond = second
  }
  return lastText
}

/** `2013-05-24T00:00:00.000Z`, as in listings. */
export function isoDateOf(micros: number): string {
  return new Date(Math.floor(micros / 1000)).toISOString()
}

/** A year of two digits that would lie over 50 years ahead is of the century before. */
function fullYear(twoDigits: number, nowMillis: number): number {
  const thisYear = new Date(nowMillis).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

/** Undefined when a field is out of range: `Date.UTC` alone would carry it over. */
function millisecondsOf({ year, month, day, clock }: Moment): number | undefined {
  const [hour, minute, second] = clock.map(Number) as [number, number, number]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const millis = Date.UTC(year, month, day, hour, minute, second)
  const back = new Date(millis)
  return back.getUTCMonth() === month && back.getUTCDate() === day && back.getUTCFullYear() === year
    ? millis
    : undefined
}
