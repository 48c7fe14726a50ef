/** Reads the small XML documents that S3 answers with. */

import { SaxesParser } from 'saxes'

export interface XmlNode {
  readonly name: string
  readonly children: XmlNode[]
  text: string
}

/** The root of a document; throws when it is not well-formed. */
export function parseXml(document: Buffer | string): XmlNode {
  const root: XmlNode = { name: '', children: [], text: '' }
  const open = [root]
  const parser = new SaxesParser()
  parser.on('opentag', ({ name }) => {
    const node = { name, children: [], text: '' }
    open.at(-1)?.children.push(node)
    open.push(node)
  })
  parser.on('text', (text) => {
    const node = open.at(-1)
    if (node !== undefined) node.text += text
  })
  parser.on('closetag', () => open.pop())
  parser.on('error', (error) => {
    throw error
  })
  parser.write(document.toString()).close()
  const [top] = root.children
  if (top === undefined) throw new Error(`a document with a root: "${document.toString()}"`)
  return top
}

/** All direct children of a name. */
export function childrenOf(node: XmlNode, name: string): XmlNode[] {
  return node.children.filter((child) => child.name === name)
}

/** The text under a path of names, or undefined when it is not there. */
export function textAt(node: XmlNode, ...path: readonly string[]): string | undefined {
  let here: XmlNode | undefined = node
  for (const name of path) here = here?.children.find((child) => child.name === name)
  return here?.text
}

/** Writes text for an element. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"\r]/g, (char) => `&#${char.charCodeAt(0)};`)
}
