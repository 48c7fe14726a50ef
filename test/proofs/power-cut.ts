/**
 * A cut: the file system under level and segments stops in the midst of 8 writers, as at a loss
 * of power; what was acknowledged is there after the journal was replayed.
 *
 * Needs root and a loop device. Source of the ioctl: ext4 of Linux, EXT4_IOC_SHUTDOWN, whose
 * flag NOLOGFLUSH throws away what the journal has not written yet.
 */

import { execFileSync } from 'node:child_process'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { Seeded, runSeed } from '../support/seeded.ts'
import { SignedClient } from '../support/signed-client.ts'
import { startNode } from '../support/spawn-node.ts'
import { Writers } from '../support/writers.ts'
import { claim, inFolder, progress, Skipped } from './claims.ts'

const CUTS = Number(process.env['HANGAR_PROOF_CUTS'] ?? 6)
const DISK_BYTES = 3 * 1024 ** 3
const SHUT_DOWN = `
import fcntl, os, struct, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
fcntl.ioctl(fd, 0x8004587d, struct.pack('I', 2))
`

const seed = runSeed()
const rng = new Seeded(seed)

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** A file system of its own in one file. */
class LoopDisk {
  readonly #image: string
  readonly folder: string

  constructor(base: string) {
    this.#image = `${base}/disk.img`
    this.folder = `${base}/mount`
  }

  async make(): Promise<void> {
    await mkdir(this.folder)
    await writeFile(this.#image, '')
    await truncate(this.#image, DISK_BYTES)
    run('mkfs.ext4', '-q', '-F', this.#image)
  }

  mount(): void {
    run('mount', '-o', 'loop', this.#image, this.folder)
  }

  cut(): void {
    run('python3', '-c', SHUT_DOWN, this.folder)
  }

  unmount(): void {
    run('umount', this.folder)
  }

  /** Whatever state it is in, nothing stays mounted. */
  async remove(): Promise<void> {
    try {
      run('umount', '-l', this.folder)
    } catch {
      // It was not mounted.
    }
    await rm(this.#image, { force: true })
  }
}

async function cutAmongWriters(disk: LoopDisk, writers: Writers): Promise<void> {
  const node = await startNode({ data: `${disk.folder}/data` })
  const client = new SignedClient({ ...node.hello, ...node.hello.s3 })
  await writers.compare(client, 10)
  const wait = 200 + rng.below(1800)
  let timer: NodeJS.Timeout | undefined
  const cut = (): void => {
    disk.cut()
    // Answers that are given after the cut are taken for acknowledged: a moment for them.
    setTimeout(() => void node.kill(), 150)
  }
  await writers.run(client, () => {
    timer ??= setTimeout(cut, wait)
  })
  if (timer === undefined) throw new Error(`no write was answered\n${node.errors()}`)
  await node.exited
  client.close()
  disk.unmount()
  disk.mount()
}

async function proveCuts(base: string): Promise<string> {
  if (process.getuid?.() !== 0) throw new Skipped('only root may mount a file system')
  const disk = new LoopDisk(base)
  try {
    await makeDisk(disk)
    const writers = new Writers({ bucket: 'my-bucket', rng, sizeMax: 1_500_000, keysEach: 15 })
    for (let cycle = 1; cycle <= CUTS; cycle += 1) {
      await cutAmongWriters(disk, writers)
      progress(`cut ${cycle}: ${JSON.stringify(writers.tally)}`)
    }
    const node = await startNode({ data: `${disk.folder}/data` })
    const client = new SignedClient({ ...node.hello, ...node.hello.s3 })
    const compared = await writers.compare(client, 100)
    client.close()
    await node.stop()
    disk.unmount()
    return `seed ${seed}; ${compared} keys compared; ${JSON.stringify(writers.tally)}`
  } finally {
    await disk.remove()
  }
}

async function makeDisk(disk: LoopDisk): Promise<void> {
  try {
    await disk.make()
    disk.mount()
  } catch (error) {
    throw new Skipped(`no loop-mounted ext4 here: ${(error as Error).message.split('\n')[0]}`)
  }
}

await inFolder('power-cut', async (base) => {
  await claim(`${CUTS} cuts of the file system lose nothing acknowledged`, () => proveCuts(base))
})
