/** Counters and gauges of one node, in the Prometheus text format. */

export type MetricLabels = Readonly<Record<string, string>>

interface Series {
  readonly help: string
  readonly type: 'counter' | 'gauge'
  readonly values: Map<string, number>
  readonly read?: () => number
}

/** One node's metrics; an instance each, since two nodes may live in one process. */
export class Metrics {
  readonly #series = new Map<string, Series>()

  /** Declares a counter; returns what adds to it. Labels must come from a short, closed list. */
  counter(name: string, help: string): (amount?: number, labels?: MetricLabels) => void {
    const values = new Map<string, number>()
    this.#series.set(name, { help, type: 'counter', values })
    return (amount = 1, labels = {}) => {
      const key = labelText(labels)
      values.set(key, (values.get(key) ?? 0) + amount)
    }
  }

  /** Declares a gauge that is read when it is asked for. */
  gauge(name: string, help: string, read: () => number): void {
    this.#series.set(name, { help, type: 'gauge', values: new Map(), read })
  }

  /** All of it as text; source: Prometheus text exposition format 0.0.4. */
  text(): string {
    const lines: string[] = []
    for (const [name, series] of this.#series) {
      lines.push(`# HELP ${name} ${series.help}`, `# TYPE ${name} ${series.type}`)
      if (series.read !== undefined) lines.push(`${name} ${series.read()}`)
      for (const [labels, value] of series.values) lines.push(`${name}${labels} ${value}`)
    }
    return lines.join('\n') + '\n'
  }
}

function labelText(labels: MetricLabels): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, '_')}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
