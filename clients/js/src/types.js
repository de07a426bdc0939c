/**
 * The types of the interface. Nothing here runs.
 *
 * Messages and entries have the shapes of the API, with `client_id` and the like, so that one description fits both.
 */

/** @typedef {number | string} Id */
/** @typedef {{ user: Id } | { topic: Id }} Target */
/** @typedef {{ epoch: number, iso: string }} Timestamp */
/** @typedef {"idle" | "connecting" | "loading" | "live" | "waiting" | "refused" | "closed"} State */
/** @typedef {Error & { code?: string | null, status?: number, [field: string]: unknown }} ChatError */
/** @typedef {{ id: Id, unknown?: true, [field: string]: any }} Profile what the platform says about a user or topic */

/**
 * @template T
 * @typedef {object} Store
 * @property {() => T} get the same object until something changes
 * @property {(listener: () => void) => () => void} subscribe fits `useSyncExternalStore`; the answer unsubscribes
 */

/**
 * How long a client waits for what, in milliseconds.
 *
 * @typedef {object} Pace
 * @property {number} heartbeat without a `sync` one is sent after this long; browsers let timers of hidden pages be a minute late
 * @property {number} answer to a question
 * @property {number} wake to the first question after the device woke up
 * @property {number} gap for which a frame that overtook another is kept
 * @property {number} firstWait
 * @property {number} longestWait between two tries
 * @property {number} renew the age at which a connection is replaced, before API Gateway's two hours end it
 */

/**
 * @typedef {object} Options
 * @property {string} socket the address of the WebSocket: `ws://localhost:3006`
 * @property {string} api the address of the REST API: `http://localhost:3005/api`
 * @property {(why: "first" | "expiring" | "refused", signal: AbortSignal) => string | null | undefined | Promise<string | null | undefined>} getToken
 *   a token of the user; nothing means that nobody is logged in. A failure is tried again.
 * @property {Partial<Pace>} [pace]
 * @property {any} [WebSocket] where there is none: that of `ws`
 * @property {typeof globalThis.fetch} [fetch]
 * @property {EventTarget | null} [events] where the page tells that it woke up; the window by default
 * @property {{ conversations?: number }} [keep] how many conversations that nobody shows stay in memory: 20 by default
 * @property {number} [page] how many messages or entries are loaded at once: 30 by default
 */

/** @typedef {string | { text?: string, image?: string, reply_to?: string, mentions?: Id[], metadata?: unknown }} Content */

/**
 * @template [M=unknown]
 * @typedef {object} Message
 * @property {string} [id] of a message that is stored
 * @property {number} [seq] its place in the conversation
 * @property {number} [rev]
 * @property {Id} author
 * @property {Timestamp} timestamp
 * @property {"text" | "image"} type
 * @property {string} [text]
 * @property {string} [image]
 * @property {true} [system] the platform itself has written it; its author is no user
 * @property {Timestamp} [edited]
 * @property {M} [metadata]
 * @property {string} [client_id] of one's own: stays the same from the first moment on
 * @property {{ id: string, seq?: number, author?: Id, type?: string, excerpt?: string, deleted?: true }} [reply_to]
 * @property {Id[]} [mentions]
 * @property {{ reaction: string, count: number, users: Id[], mine: boolean }[]} [reactions]
 * @property {"sending" | "sent" | "failed"} delivery
 * @property {ChatError} [error] why it failed
 * @property {boolean} seen by the other side of a direct conversation
 */

/**
 * @template [M=unknown]
 * @typedef {object} InboxEntry
 * @property {"user" | "topic"} type
 * @property {Id} id
 * @property {Profile} [profile]
 * @property {Message<M> | null} latest
 * @property {Timestamp} timestamp
 * @property {number} unread
 * @property {number} mentioned
 * @property {{ seq: number }} read up to where one has read oneself
 * @property {number} rev
 * @property {boolean} [muted]
 * @property {boolean} [hidden]
 * @property {boolean} [pinned]
 */

/**
 * @template [M=unknown]
 * @typedef {object} ConversationView
 * @property {readonly Message<M>[]} messages the oldest first; unsent ones stand last
 * @property {boolean} loaded
 * @property {boolean} more whether there are older ones
 * @property {readonly Id[]} typing
 * @property {number} unread
 * @property {InboxEntry<M>} [entry] as it stands in the inbox
 * @property {Readonly<Record<string, number>>} reads user → the `seq` up to which the user has read, as far as it is known
 * @property {ChatError} [error] why it can't be loaded
 */

/** @typedef {{ id: Id, role: "member" | "moderator" | "owner", joined: Timestamp, read: { seq: number } }} Member */

/**
 * The members of a topic.
 *
 * @typedef {object} Members
 * @property {(after?: Id | null) => Promise<{ members: Member[], total: number, next: Id | null }>} list at most 100; `next` is the next `after`
 * @property {() => Promise<Member>} join
 * @property {() => Promise<Member>} leave
 * @property {(user: Id, role?: Member["role"]) => Promise<Member>} add also gives another role
 * @property {(user: Id) => Promise<Member>} remove
 */

/**
 * @template [M=unknown]
 * @typedef {object} ConversationMethods
 * @property {Target} target
 * @property {() => () => void} open keeps it up to date until the answer is called
 * @property {(count?: number) => Promise<void>} older loads older messages
 * @property {(content: Content, metadata?: M) => Message<M>} send shows it at once and never throws; its `delivery` tells what became of it
 * @property {(clientId: string) => void} retry sends a failed one again
 * @property {(clientId: string) => void} discard takes one that was not sent away
 * @property {(id: string, content: Content) => Promise<void>} edit
 * @property {(id: string) => Promise<void>} delete
 * @property {(id?: string) => Promise<void>} read says that one has read up to there, or up to the newest message that is loaded
 * @property {(id: string, reaction: string, on?: boolean) => Promise<void>} react
 * @property {(on?: boolean) => void} typing to be called at every key; `false` says that one stopped
 * @property {(settings: { muted?: boolean, hidden?: boolean, pinned?: boolean }) => Promise<void>} settings
 * @property {Members} members
 */

/**
 * @template [M=unknown]
 * @typedef {Store<ConversationView<M>> & ConversationMethods<M>} Conversation
 */

/** @typedef {{ online: boolean, last_active: Timestamp | null }} Presence */

/**
 * @typedef {object} Event
 * @property {Target} [target] the conversation
 * @property {any} [entry] the message, or what is left of it; of settings the inbox entry
 * @property {Id} [user]
 * @property {any} [role]
 * @property {any} [read]
 * @property {any} [error] of `error`: what went wrong
 */

/** @typedef {"message.new" | "message.updated" | "message.deleted" | "message.read" | "member.joined" | "member.left" | "conversation.settings"
 *   | "typing.start" | "typing.stop" | "presence" | "members" | "error"} EventName */

/**
 * @template [M=unknown]
 * @typedef {{ entries: readonly InboxEntry<M>[], loaded: boolean, more: boolean }} InboxView
 */

/**
 * @template [M=unknown]
 * @typedef {object} ClientMethods
 * @property {() => () => void} start connects until everyone who started it has called the answer
 * @property {Store<InboxView<M>> & { more(): Promise<void> }} inbox pinned conversations, then the newest activity
 * @property {(target: Target) => Conversation<M>} conversation
 * @property {Store<Readonly<Record<string, Presence>>>} presence of users that are watched, by id
 * @property {(users: readonly Id[]) => () => void} watch wants their presence until the answer is called; at most 100 in all
 * @property {Store<Readonly<Record<string, Profile>>>} profiles by `user-5` and `topic-5`
 * @property {(target: Target) => Profile | undefined} profile what is known; the rest is asked for, and shows in `profiles`
 * @property {(event: EventName, listener: (event: Event) => void) => () => void} on hears each event once. What happened while there was no connection is no event: stores tell it.
 * @property {() => void} close ends it for ever, and forgets the user
 */

/**
 * @template [M=unknown]
 * @typedef {Store<{ state: State, user?: Id, unread: number }> & ClientMethods<M>} Client
 */

export {};
