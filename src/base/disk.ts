/** The port for files: the only way to the file system for data. */

export interface DiskFile {
  /** Reads up to `target.length` bytes at `position`; returns how many there were. */
  read(target: Uint8Array, position: number): Promise<number>
  /** Writes all of `source` at `position`, or throws. Not yet on stable storage. */
  write(source: Uint8Array, position: number): Promise<void>
  /** Resolves when every finished write of this file is on stable storage (fdatasync). */
  datasync(): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface DiskSpace {
  readonly availableBytes: number
  readonly totalBytes: number
}

export interface Disk {
  /**
   * Opens a file for reading and writing.
   *
   * With `create` the file must not exist yet; it and its name are on stable storage when this
   * resolves. `direct` asks to bypass the page cache: then positions, lengths and the addresses
   * of buffers must be multiples of 4,096.
   *
   * @throws an error whose `code` is the system's (`ENOENT`, `EEXIST`, `EINVAL` for `direct`, …)
   */
  open(
    path: string,
    options: { readonly create: boolean; readonly direct?: boolean },
  ): Promise<DiskFile>
  /** Names in a folder, unsorted; an absent folder has none. */
  list(path: string): Promise<string[]>
  /** Makes a folder and those above it, durably. Existing ones are left as they are. */
  makeFolder(path: string): Promise<void>
  /** Removes a file durably; an absent one is no error. */
  remove(path: string): Promise<void>
  /** Replaces `path` by `content` so that a crash leaves the old or the new, whole. Mode 0600. */
  replace(path: string, content: Uint8Array): Promise<void>
  /** The whole content of a small file, or undefined when it is absent. */
  readSmall(path: string): Promise<Uint8Array | undefined>
  space(path: string): Promise<DiskSpace>
}

/** A disk on which whole folders of files, of which none is written to again, are made and exchanged. */
export interface FolderDisk extends Disk {
  /** Gives a file a second name, or makes a copy where the file system knows none. Not yet durable. */
  link(from: string, to: string): Promise<void>
  /** Gives a folder another name, durably, with the names in it. Nothing has the new one. */
  renameFolder(from: string, to: string): Promise<void>
  /** With all that is in it; an absent one is no error. */
  removeFolder(path: string): Promise<void>
}
