"use client";
/**
 * Hooks for React 18 and newer: `senna-chat/react`. They read the stores of a client, and hold open what is on the screen.
 *
 * A render may run twice, or be thrown away, so it only reads. What has an effect happens in effects, each of which takes itself back: so StrictMode
 * makes no second connection.
 *
 * @import { ReactElement, ReactNode } from "react"
 * @import { Client, Conversation, ConversationView, Event, EventName, Id, InboxView, Presence, Profile, State, Store, Target } from "./types.js"
 */

import { createContext, createElement, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";

/** The client of the components below a provider. */
const Context = createContext(/** @type {Client<any> | null} */ (null));

/**
 * What a store holds, from render to render the same object until it changes.
 *
 * @template T
 * @param {Store<T>} store
 * @returns {T}
 */
const useStore = ({ subscribe, get }) => useSyncExternalStore(subscribe, get, get);

/** The key of `client.profiles`. @param {Target} target */
const keyOf = (target) => Object.entries(target)[0].join("-");

/**
 * Gives a client to the components below, and keeps it connected while it is mounted. Make the client outside of components, or in `useState`. Call
 * `client.close()` when the user logs out.
 *
 * @param {{ client: Client<any>, children?: ReactNode }} props
 * @returns {ReactElement}
 */
export const ChatProvider = ({ client, children }) => {
  useEffect(() => client.start(), [client]);
  return createElement(Context.Provider, { value: client }, children);
};

/**
 * The client that the provider was given.
 *
 * @template [M=unknown]
 * @returns {Client<M>}
 */
export const useClient = () => {
  const client = useContext(Context);
  if (!client) throw new Error("There is no <ChatProvider> above this component");
  return client;
};

/**
 * The connection's state, who the user is, and how many messages are unread.
 *
 * @returns {{ state: State, user?: Id, unread: number }}
 */
export const useChat = () => useStore(useClient());

/**
 * The inbox. `loadMore` loads its next page.
 *
 * @template [M=unknown]
 * @returns {InboxView<M> & { loadMore: () => Promise<void> }}
 */
export const useInbox = () => {
  /** @type {Client<M>} */
  const { inbox } = useClient();
  const view = useStore(inbox);
  return useMemo(() => ({ ...view, loadMore: inbox.more }), [view, inbox]);
};

/**
 * A conversation, kept up to date while the component is mounted. `conversation` has what one can do in it. The target may be a new object at each
 * render.
 *
 * @template [M=unknown]
 * @param {Target} target
 * @returns {ConversationView<M> & { conversation: Conversation<M> }}
 */
export const useConversation = (target) => {
  /** @type {Client<M>} */
  const client = useClient();
  const key = keyOf(target);
  const conversation = useMemo(() => client.conversation(target), [client, key]);
  const view = useStore(conversation);
  useEffect(() => conversation.open(), [conversation]);
  return useMemo(() => ({ ...view, conversation }), [view, conversation]);
};

/**
 * What your platform says about a user or a topic; nothing until it is known.
 *
 * @param {Target} target
 * @returns {Profile | undefined}
 */
export const useProfile = (target) => {
  const client = useClient();
  const key = keyOf(target);
  const known = useStore(client.profiles)[key];
  useEffect(() => {
    client.profile(target);
  }, [client, key]);
  return known;
};

/**
 * Whether users are online, by id. At most 100 in all components together.
 *
 * @param {readonly Id[]} users
 * @returns {Readonly<Record<string, Presence>>}
 */
export const usePresence = (users) => {
  const client = useClient();
  const all = users.join();
  useEffect(() => client.watch(users), [client, all]);
  return useStore(client.presence);
};

/**
 * Hears an event while the component is mounted. The listener may be a new function at each render.
 *
 * @param {EventName} event
 * @param {(event: Event) => void} listener
 * @returns {void}
 */
export const useChatEvent = (event, listener) => {
  const client = useClient();
  const newest = useRef(listener);
  useEffect(() => {
    newest.current = listener;
  });
  useEffect(() => client.on(event, (told) => newest.current(told)), [client, event]);
};
