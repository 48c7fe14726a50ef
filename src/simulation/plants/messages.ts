/** Faults on the way between a coordinator and the owners: in what is sent, answered, believed. */

import { ballotZero, type Epoch } from '../../base/ballot.ts'
import type { MessageHandler } from '../../base/network.ts'
import { blake3 } from '../../base/hash.ts'
import { withNetwork, type Call, type Graft, type Plant } from '../plant.ts'
import { lineOf, packRegister, unpackRegister, type RegisterRow } from '../../table/row.ts'
import type {
  AcceptMessage,
  AnswerEnvelope,
  Envelope,
  PageAnswer,
  PageMessage,
  ReadAnswer,
  ReadMessage,
} from '../../table/messages.ts'

type Body = Epoch & { readonly time: number; readonly format: number; readonly body: unknown }

/** Every message to one endpoint leaves changed. */
function sending<Message>(endpoint: string, change: (message: Message) => Message): Graft {
  return {
    ground: (ground) =>
      withNetwork(ground, (network) => ({
        call: (to, name, message, options) => {
          const sent = message as Body
          const changed =
            name === endpoint ? { ...sent, body: change(sent.body as Message) } : message
          return network.call(to, name, changed, options)
        },
      })),
  }
}

/** An owner answers one endpoint otherwise. */
function answering<Message, Answer>(
  endpoint: string,
  answer: (ask: (message: Message) => Promise<Answer>, message: Message) => Promise<Answer>,
): Graft {
  const changed =
    (handler: MessageHandler): MessageHandler =>
    async (from, raw) => {
      const envelope = raw as Envelope
      let last: AnswerEnvelope | undefined
      const ask = async (body: Message): Promise<Answer> => {
        last = (await handler(from, { ...envelope, body })) as AnswerEnvelope
        return last.body as Answer
      }
      const body = await answer(ask, envelope.body as Message)
      return { ...last!, body }
    }
  return {
    ground: (ground) =>
      withNetwork(ground, (network) => ({
        handle: (name, handler) =>
          network.handle(name, name === endpoint ? changed(handler) : handler),
      })),
  }
}

/** A call to one endpoint ends otherwise. */
function calling(
  endpoint: string,
  end: (call: () => unknown, ...args: Parameters<Call>) => unknown,
): Graft {
  return {
    ground: (ground) =>
      withNetwork(ground, (network) => ({
        call: (to, name, message, options) => {
          const call = (): unknown => network.call(to, name, message, options)
          return name === endpoint ? end(call, to, name, message, options) : call()
        },
      })),
  }
}

/** A row as it would be if nobody had noted who wrote it when. */
function withoutBallot(stored: Uint8Array): Uint8Array {
  const row: RegisterRow = { ...unpackRegister(stored), ballot: ballotZero, operations: [] }
  return packRegister(row)
}

export const messagePlants: readonly Plant[] = [
  {
    name: 'owners leave tombstones out of a page',
    isRare: true,
    ownerCounts: [3],
    graft: () =>
      answering<PageMessage, PageAnswer>('table/page', async (ask, message) => {
        const { keys, texts, done } = await ask(message)
        const listed = texts.map((text) => lineOf(text) !== undefined)
        return {
          keys: keys.filter((_, index) => listed[index]),
          texts: texts.filter((_, index) => listed[index]),
          done,
        }
      }),
  },
  {
    name: 'a page reaches beyond what every owner covered',
    ownerCounts: [3],
    emptiesKeys: true,
    forecast: { kinds: ['kill'], count: 16, restartMs: 8000 },
    graft: () =>
      answering<PageMessage, PageAnswer>('table/page', async (ask, message) => ({
        ...(await ask(message)),
        done: true,
      })),
  },
  {
    name: 'an owner that failed counts as one that took the row',
    ownerCounts: [3],
    graft: () =>
      calling('table/accept', async (call, _to, _name, message) => {
        try {
          return await call()
        } catch {
          const { format, time, body } = message as Body
          const taken = (body as AcceptMessage).items.map(() => ({ kind: 'taken' }))
          return { format, time, body: taken }
        }
      }),
  },
  {
    name: 'the answer to one question is taken for that to another',
    ownerCounts: [3],
    graft: (rng) => {
      let earlier: unknown
      return calling('table/read', async (call) => {
        const answer = await call()
        const given = earlier !== undefined && rng.chance(0.02) ? earlier : answer
        earlier = answer
        return given
      })
    },
  },
  {
    name: 'a change that comes twice is made twice: nobody remembers operations',
    ownerCounts: [3],
    weather: { lossChance: 0.05 },
    graft: () =>
      sending<AcceptMessage>('table/accept', (message) => ({
        ...message,
        items: message.items.map((item) => ({ ...item, row: { ...item.row, operations: [] } })),
      })),
  },
  {
    name: 'digests do not cover the ballot',
    ownerCounts: [3],
    syncIntervalMs: 60_000,
    // So that one change lies half done on two owners, under two ballots.
    forecast: { kinds: ['jump'] },
    weather: { usualMs: 5, slowChance: 0, lossChance: 0, acceptLossChance: 0.5 },
    graft: () =>
      answering<ReadMessage, ReadAnswer>('table/read', async (ask, message) => {
        const { rows } = await ask({ ...message, full: true })
        return {
          rows: rows.map((row) => {
            if (row === null) return null
            const bare = withoutBallot(row)
            return message.full ? bare : blake3(bare)
          }),
        }
      }),
  },
]
