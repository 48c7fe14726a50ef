/** Every bound of the program: value, unit, reason. Their relations are asserted below. */

import { assert } from './assert.ts'

export const KIB = 1024
export const MIB = 1024 * KIB
export const GIB = 1024 * MIB

// Objects (S3 user guide, "Multipart upload limits" and "Object keys")
export const KEY_SIZE_BYTES_MAX = 1024
export const OBJECT_SIZE_BYTES_MAX = 5 * 1024 * GIB
export const PUT_SIZE_BYTES_MAX = 5 * GIB
export const PART_SIZE_BYTES_MIN = 5 * MIB
export const PART_NUMBER_MAX = 10_000
export const USER_METADATA_BYTES_MAX = 2 * KIB
export const LIST_KEYS_MAX = 1000
export const DELETE_KEYS_MAX = 1000

// Bodies that are read whole (one XML or JSON document)
export const DELETE_BODY_BYTES_MAX = 4 * MIB
export const COMPLETE_BODY_BYTES_MAX = 2 * MIB
export const CONFIG_BODY_BYTES_MAX = 64 * KIB
/** A thousand rules of 256 bytes. */
export const LIFECYCLE_BODY_BYTES_MAX = 256 * KIB
export const ADMIN_BODY_BYTES_MAX = 64 * KIB

// Settings of a bucket
export const CORS_RULES_MAX = 100
export const CORS_ID_LENGTH_MAX = 255
export const WEBSITE_RULES_MAX = 50
export const REDIRECT_LOCATION_BYTES_MAX = 2 * KIB
export const LIFECYCLE_RULES_MAX = 1000
export const LIFECYCLE_ID_LENGTH_MAX = 255
/** Keys that the lifecycle worker looks at in one step. */
export const LIFECYCLE_STEP_KEYS = 500

// HTTP
export const HEADER_BYTES_MAX = 16 * KIB
export const HEADER_COUNT_MAX = 200
export const TARGET_BYTES_MAX = 8 * KIB
export const CONNECTIONS_MAX = 4096
export const REQUESTS_IN_FLIGHT_MAX = 1024
/** A body that brings nothing for this long, or an answer that nobody reads, is cut off. */
export const BODY_IDLE_MS_MAX = 60_000
export const HEADERS_MS_MAX = 20_000
export const KEEP_ALIVE_MS = 75_000
export const DRAIN_MS_MAX = 10_000
/** A long answer begins after this much of silence; clients wait 60 s by default, proxies 30. */
export const EARLY_ANSWER_MS = 10_000
/** And has a space each so often until its document comes. */
export const EARLY_SPACE_MS = 5_000
/** The files of a certificate are read this often. */
export const CERTIFICATE_LOOK_MS = 10_000
/** This long before its end a certificate is warned of. */
export const CERTIFICATE_SOON_MS = 14 * 24 * 3_600_000
/** Less than this of a body in a `BODY_IDLE_MS_MAX` spent waiting for the client: cut off. */
export const BODY_WINDOW_BYTES_MIN = 16 * KIB
/** While others wait for a buffer, whoever holds one must move this much in each look of 5 s. */
export const STARVED_STEP_BYTES_MIN = 256 * KIB
/** Of a body that no handler wanted, this much is read so that the client sees the answer. */
export const UNWANTED_BODY_BYTES_MAX = 1 * MIB
export const UNWANTED_BODY_MS_MAX = 1_000
/** Requests of one connection that wait behind the one being answered. */
export const PIPELINED_REQUESTS_MAX = 256
/** Answers that wait for each other in one turn of the event loop; more leave their clients idle. */
export const ANSWERS_TOGETHER_MAX = 16
/** One write to a socket: progress of a slow reader is seen in steps of this. */
export const SOCKET_WRITE_BYTES_MAX = 256 * KIB
export const XML_DEPTH_MAX = 16
export const XML_ELEMENTS_MAX = 100_000
export const XML_ATTRIBUTES_MAX = 16

/** Of a form upload: all that comes before its file, S3's own 20 KB and what frames them. */
export const FORM_BEFORE_FILE_BYTES_MAX = 32 * KIB
/** Fields before its file, and again after it. */
export const FORM_FIELDS_MAX = 100
/** What comes after its file and is ignored. */
export const FORM_TAIL_BYTES_MAX = 32 * KIB
export const FORM_BOUNDARY_CHARS_MAX = 70
/** Conditions of the policy that signs a form. */
export const POLICY_CONDITIONS_MAX = 200

/** Clocks of nodes that are further apart are told of by `status` and `doctor`. */
export const CLOCK_APART_MS = 3_000

// Signatures (AWS Signature Version 4)
export const CLOCK_SKEW_MS_MAX = 15 * 60_000
export const PRESIGNED_SECONDS_MAX = 604_800
export const SIGNING_KEYS_MAX = 4096
/** Every chunk of a signed stream but the last has at least this. */
export const CHUNK_SIZE_BYTES_MIN = 8 * KIB
/** The line before a chunk, and one trailer line. */
export const CHUNK_LINE_BYTES_MAX = 256

// Blocks
export const BLOCK_SIZE_BYTES = 1 * MIB
/** Objects up to this live in their row: one sync instead of several. */
export const INLINE_SIZE_BYTES_MAX = 8 * KIB
/** Blocks or parts of one manifest segment: small, since it is written again with each block. */
export const MANIFEST_BLOCKS_MAX = 250
/** Behind the bytes of an encrypted block: so much less of the object goes into one. */
export const SEAL_TAG_BYTES = 16
/** References to blocks that a copy makes in one go. */
export const REFERENCES_PER_INSERT = 32
/** Blocks of one request that are being stored at once. */
export const BLOCKS_IN_FLIGHT_PER_REQUEST = 3
export const SEGMENT_SIZE_BYTES = 256 * MIB
export const SEGMENT_STEP_BYTES = 16 * MIB
/** Kept of each drive for deletes and compaction, parts of a hundred. */
export const DRIVE_RESERVE_PERCENT = 5
/** With less than this free for rows no upload is taken: a row that cannot be written is fatal. */
export const METADATA_UPLOADS_BYTES = 48 * MIB
/** With less than this, nothing of other nodes either: what is left is for deletes. */
export const METADATA_RESERVE_BYTES = 32 * MIB
/** How often the free space for rows is read. */
export const SPACE_READING_MS = 1_000
export const BLOCK_GRACE_MS = 10 * 60_000
/** What a drive is read and written in: O_DIRECT wants addresses and lengths in whole pages. */
export const PAGE_BYTES = 4 * KIB
/** One slot of the slab: a page for the record's header, then the data, so that both are one write. */
export const SLOT_BYTES = PAGE_BYTES + BLOCK_SIZE_BYTES
/** Slots that no request gets: verification, compaction and scrub never wait for a client. */
export const SLOTS_RESERVED = 4
/**
 * Slots for blocks that other nodes send or ask for; those of them that no block that is sent gets;
 * those that the blocks of one sender get, while others hold some and while none does. What a peer
 * asks for comes on top, by as many as are kept for that: so the slots that a slow or dead one holds
 * are never all of them.
 */
export const SLOTS_FOR_PEERS = 14
export const SLOTS_FOR_PEER_GETS = 2
export const SLOTS_PER_SENDER = 4
export const SLOTS_PER_LONE_SENDER = 8
/**
 * One copy at a time for each so many slots of requests: two that it reads into and one that it fills
 * are held while it waits, and as many are left to everybody else.
 */
export const SLOTS_PER_COPY = 6
/** A copy whose turn has not come by then is refused. */
export const COPY_PLACE_MS_MAX = 10 * 60_000
/** Slots that slower owners may keep after a block is acknowledged by a quorum. */
export const SLOTS_LAGGING_MAX = 24
/** A block on its way to one owner. */
export const BLOCK_PUT_DEADLINE_MS = 20_000
/** Given to each owner in turn to bring a block; round by round more patient. */
export const BLOCK_GET_DEADLINES_MS = [700, 4_000, 20_000] as const
/** A reference waits this long for its block, which is on its way to the same owner. */
export const BLOCK_ARRIVAL_MS_MAX = 2_000
export const SLOT_WAITERS_MAX = 4096
export const BLOCK_READS_IN_FLIGHT_MAX = 8
export const BLOCK_WRITES_IN_FLIGHT_MAX = 8
export const SEGMENT_FILES_OPEN_MAX = 256
/** Emptied segments of a drive that are kept to be written again, the rest is given back. */
export const SEGMENTS_FREE_MAX = 1
/** A segment is rewritten when at most this much of it is live, parts of a hundred. */
export const COMPACTION_LIVE_PERCENT = 50
/** The same while the drive is down to its reserve. */
export const COMPACTION_LIVE_PERCENT_FULL = 95
export const DRIVES_MAX = 64

// Hash threads
/** Pieces up to this are hashed where they stand: a message to a thread costs as much. */
export const HASH_INLINE_BYTES_MAX = 64 * KIB
export const HASH_THREADS_MAX = 2

// Rows
export const CALL_DEADLINE_MS = 10_000
export const CHANGE_DEADLINE_MS = 25_000
export const HANDOVER_MS = 200
/** No attempt of an operation is made at a ballot further than this from its first. */
export const OPERATION_SPAN_MICROS = 30_000_000
export const OPERATIONS_OPEN_MAX = 256
export const OPERATIONS_DONE_MAX = 256
/** Uploads of one key that are open at once. */
export const UPLOADS_OPEN_PER_KEY_MAX = 1000
/** Completed or aborted uploads of one key that are still recognised. */
export const UPLOADS_ENDED_PER_KEY_MAX = 32
export const PROMISES_OPEN_MAX = 100_000
export const CHANGES_QUEUED_MAX = 20_000
/** A page of a listing in one go: its keys, the one that tells that more follow, and its own. */
export const SCAN_SLICE_ROWS = LIST_KEYS_MAX + 2
/** Listings that a door works on together; each counts for so long, then it waits for others. */
export const PAGES_AT_ONCE_MAX = 4
export const PAGE_PLACE_MS = 20
/** Tombstones that are confirmed by their owners at once. */
export const ROWS_COLLECTED_PER_STEP = 256
/** Rows of which a comparison of owners keeps what each holds; beyond it names partitions. */
export const COMPARED_UNITS_MAX = 20_000
/** Differences, and findings of a check, that a report lists. */
export const DIFFERENCES_MAX = 1000
/** Access keys that one bucket is shared with. */
export const BUCKET_KEYS_MAX = 1000
/** Manifests that GetBlockInfo tells of. */
export const BLOCK_USERS_MAX = 1000
/** How many times longer than its step a worker may be told to rest. */
export const TRANQUILITY_MAX = 1000
/** Operations that an admin token names. */
export const ADMIN_SCOPE_MAX = 200
/** Blocks of an object that InspectObject tells of. */
export const INSPECTED_BLOCKS_MAX = 10_000
/** Names that one bucket has, those that one key sees among them. */
export const BUCKET_NAMES_MAX = 1000
/** Names of buckets that only one key sees. */
export const KEY_NAMES_MAX = 1000
/** Buckets, names and access keys that a node keeps at hand, each. */
export const ROW_CACHE_ENTRIES_MAX = 10_000
/** A copy of such a row is shown no longer than this after its read began. */
export const ROW_COPY_MS_MAX = 2_000
/** Shards of buckets whose gate is known to be open. */
export const GATES_KNOWN_MAX = 10_000
/** Of a bucket with quotas: counts that another node told are good for this long. */
export const QUOTA_COUNTS_MS_MAX = 1_000
export const QUOTA_COUNTS_KEPT_MAX = 1_000
/** Manifests on their way out whose span is waited for. */
export const RELEASES_WAITING_MAX = 20_000

// Layout
/** Copies of everything, and zones that they lie in. */
export const REPLICATION_FACTOR_MAX = 9
/** Nodes with a role; those that store are counted in one byte. */
export const LAYOUT_NODES_MAX = 256
/** Layouts that take writes at once: another is applied when the oldest has retired. */
export const LAYOUTS_ACTIVE_MAX = 5
/** Layouts that retired and are still told of. */
export const LAYOUTS_FORMER_MAX = 5
/** The smallest capacity that a role may name, as Garage has it. */
export const NODE_CAPACITY_BYTES_MIN = 1024
export const NODE_TAGS_MAX = 16
/** Characters of a zone or a tag. */
export const ROLE_TEXT_CHARS_MAX = 64

// Mesh: what one node takes from, and keeps for, its peers
/** Nodes that this one knows of. */
export const PEERS_MAX = 256
/** A node that is lost, or has no role, and was silent for so long is not expected back. */
export const PEER_GONE_MS = 10 * 60_000
/** Addresses kept of one peer; the eldest that nobody configured goes first. */
export const PEER_ADDRESSES_MAX = 8
/** Connections whose other end has not proved the cluster's secret. */
export const HANDSHAKES_MAX = 64
/** Of these, from one host: whoever says nothing there takes no place of the others. */
export const HANDSHAKES_PER_HOST_MAX = 16
/** From a connection to the end of its handshake; a dial, DNS included. */
export const HANDSHAKE_MS_MAX = 5_000
/** One message of a link: one piece with its header, or several small frames. */
export const WIRE_BYTES_MAX = 128 * KIB
/** The bytes of one frame: long messages and parcels go in pieces, others between them. */
export const PIECE_BYTES_MAX = 64 * KIB
export const FRAME_HEADER_BYTES_MAX = 1 * KIB
/** One message of a call, or its answer. */
export const MESSAGE_BYTES_MAX = 4 * MIB
/** Of rows in one message: the first goes whatever its size, what is too much goes in the next. */
export const ROWS_PER_MESSAGE_BYTES_MAX = 2 * MIB
/** Registers that one message names: their promises, acceptances and outcomes are lists. */
export const CHANGES_PER_JOB_MAX = 1000
/** Arrays and maps within one another in a message. */
export const MESSAGE_DEPTH_MAX = 32
/** Pieces of messages that one peer has not finished. */
export const PARTIAL_BYTES_MAX = 16 * MIB
/** Calls to one peer that wait for an answer, and calls of one peer being answered. */
export const CALLS_PER_PEER_MAX = 4096
/** Queued for one peer: a call beyond it fails at once. */
export const SEND_QUEUE_BYTES_MAX = 8 * MIB
/** The bytes beside one message: a block and its header. */
export const PARCEL_BYTES_MAX = PAGE_BYTES + BLOCK_SIZE_BYTES
/**
 * Parcels to one peer under way at once: of those that bring bytes, those that fetch them, and
 * background work, each; and those that wait for their turn. What a node takes is all three.
 */
export const PARCELS_PER_LANE_MAX = 10
export const PARCELS_PER_PEER_MAX = 32
export const PARCELS_WAITING_MAX = 256
/** Handed to the socket of a peer's bulk link ahead of what it has taken. */
export const BULK_AHEAD_BYTES_MAX = 512 * KIB
/** While bytes of a parcel are due, some must come within this. */
export const PARCEL_IDLE_MS_MAX = 30_000
/** A piece of background work goes out after this many others, however many wait. */
export const FOREGROUND_PIECES_IN_A_ROW = 15
/** A beat goes to each peer this often; nothing heard for so many in a row: the peer is down. */
export const BEAT_MS = 1_000
export const BEATS_MISSED_MAX = 3
/** Beats without a word on the link for messages, while bytes come: that one of the two is dead. */
export const MESSAGE_BEATS_MISSED_MAX = 10
/** Answers to nothing that was asked, on one link, before it is closed. */
export const STRIKES_MAX = 10
/** Wait after a failed round of dials: twice as long each time, up to the longest, less up to half. */
export const DIAL_WAIT_MS = 500
export const DIAL_WAIT_MS_MAX = 30_000
/** Requests of a node that was just started, or woke up, wait this long for its links, at most. */
export const LINKING_MS_MAX = 5_000
export const LINKED_LOOK_MS = 25
/** A process that did not run for this long was paused: its links may be gone and look whole. */
export const PAUSE_MS = 3_000
export const WOKEN_MS = 250
/** A node tells the others how far its database has come this often, while it comes further. */
export const SEQUENCE_TOLD_EVERY_MS = 1_000
/** What they remember of it is written down this often at most. */
export const SEQUENCES_KEPT_EVERY_MS = 10_000
/** After one has answered a node that starts waits so long for the others, before it votes. */
export const RECALL_PATIENCE_MS = 2_000
/** What is remembered further ahead makes no sense: 30 years of a thousand groups a second. */
export const SEQUENCE_AHEAD_MAX = 2 ** 40
/** So far above what is remembered an old copy goes on: another may remember a little more. */
export const SEQUENCE_LEAP = 1_000_000
/** The copy of the identity beside the blocks is told how far the database has come this often. */
export const IDENTITY_COPIED_EVERY_MS = 5_000
/** Peers exchange their lists this often, and when they meet. */
export const GOSSIP_MS = 60_000
/** Secrets that are good at once, while a cluster goes from one to the next. */
export const SECRETS_MAX = 4
/** Last calls of one endpoint of a peer by which the next is judged. */
export const LATENCIES_KEPT = 64

// Log
/** Lines that wait for a slow reader; what comes beyond is dropped and counted. */
export const LOG_BUFFER_BYTES_MAX = 1 * MIB
/** At a stop, the reader of the log gets this long to take what is left. */
export const LOG_FLUSH_MS_MAX = 1_000

// Memory: the budget of one node. Each part is what its owner may hold at most.
export const MEMORY_BUDGET_BYTES = 320 * MIB
export const LEVEL_WRITE_BUFFER_BYTES = 16 * MIB
export const LEVEL_CACHE_BYTES = 64 * MIB
export const SLAB_BYTES = 96 * MIB
export const SOCKETS_BYTES = 64 * MIB
export const ROWS_AND_QUEUES_BYTES = 64 * MIB

/** Checked at start: what the parts may hold together stays within the budget. */
export function assertLimits(): void {
  const sum =
    2 * LEVEL_WRITE_BUFFER_BYTES +
    LEVEL_CACHE_BYTES +
    SLAB_BYTES +
    SOCKETS_BYTES +
    ROWS_AND_QUEUES_BYTES
  assert(sum <= MEMORY_BUDGET_BYTES, 'the memory of the parts is within the budget')
  assert(INLINE_SIZE_BYTES_MAX < BLOCK_SIZE_BYTES, 'an inline object is smaller than a block')
  assert(SEGMENT_SIZE_BYTES % SEGMENT_STEP_BYTES === 0, 'a segment is a number of whole steps')
  assert(BLOCK_SIZE_BYTES % PAGE_BYTES === 0, 'a block is a number of whole pages')
  assert(
    SLAB_BYTES >=
      (SLOTS_RESERVED + SLOTS_FOR_PEERS + SLOTS_LAGGING_MAX + 2 * BLOCKS_IN_FLIGHT_PER_REQUEST) *
        SLOT_BYTES,
    'the slab serves at least two requests beside the background work',
  )
  assert(
    SLOTS_PER_LONE_SENDER + SLOTS_FOR_PEER_GETS + 2 <= SLOTS_FOR_PEERS - SLOTS_FOR_PEER_GETS,
    'whatever one peer holds, others send and ask',
  )
  assert(
    PIECE_BYTES_MAX + FRAME_HEADER_BYTES_MAX + 8 <= WIRE_BYTES_MAX,
    'a piece and its header fit one message of a link',
  )
  assert(HANDSHAKES_MAX * WIRE_BYTES_MAX <= 8 * MIB, 'strangers get little memory')
  assert(3 * PARCELS_PER_LANE_MAX <= PARCELS_PER_PEER_MAX, 'what is sent in lanes is taken')
  assert(MESSAGE_BYTES_MAX <= SEND_QUEUE_BYTES_MAX, 'the longest message fits the queue')
  assert(ROWS_PER_MESSAGE_BYTES_MAX <= MESSAGE_BYTES_MAX / 2, 'a row more than full still goes')
  assert(DELETE_KEYS_MAX <= CHANGES_PER_JOB_MAX, 'one DeleteObjects is one job')
  assert(SEGMENT_STEP_BYTES >= SLOT_BYTES, 'a step of a segment holds the largest record')
}
