/** Tables for people: aligned columns, no lines. Pure. */

/** Rows under their titles, two spaces between columns; numbers stand right. */
export function textTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows]
  const widths = titles.map((_, column) =>
    Math.max(...all.map((row) => widthOf(row[column] ?? ''))),
  )
  const isNumber = titles.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^[\d.,]+( \w+)?$/.test(row[column] ?? '')),
  )
  return all
    .map((row) =>
      row
        .map((cell, column) => {
          const space = ' '.repeat(Math.max(0, widths[column]! - widthOf(cell)))
          return isNumber[column] ? space + cell : cell + space
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Titles and values under one another. */
export function textFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(...fields.map(([title]) => title.length))
  return fields.map(([title, value]) => `${title.padEnd(width)}  ${value}`.trimEnd()).join('\n')
}

/** Bytes as people read them: `1.5 MiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

function widthOf(text: string): number {
  return Array.from(text).length
}
