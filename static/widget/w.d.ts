// Types for shops that call the chat from TypeScript. Copy this file into your
// project, or point a `/// <reference path="…" />` at your copy.

/** How the chat can be set up, by `data-` attributes of the script or by `init`. */
interface ShopbellOptions {
  /** The key of your site, from the embed code. */
  site?: string;
  /** `off`: no button; open the chat with `shopbell('open')` from a button of yours. */
  launcher?: 'off';
  /** The corner: where lines end (the default) or where they start. */
  position?: 'end' | 'start';
  /** CSS pixels between the button and the foot of the page; by default those in your site's settings. It steps above what the page has fixed there by itself. */
  offset?: number | string;
  /** A CSS color; by default the one in your site's settings. */
  color?: string;
  /** Language tag; by default that of the page, else that of the browser. */
  locale?: string;
  /** Words in the button, beside the icon. They become its name, too. */
  label?: string;
}

/** One line of the conversation. */
interface ShopbellMessage {
  id: number;
  /** The key its sender gave it. */
  cid: string;
  from: 'visitor' | 'agent' | 'system';
  name: string | null;
  body: string;
  /** RFC 3339, UTC. */
  at: string;
}

/** What each event tells; every event also bubbles as a CustomEvent `shopbell:NAME` with this as its detail. */
interface ShopbellEvents {
  /** The button is there, and every verb works. */
  ready: {};
  open: {};
  close: {};
  /** An agent has written, or the shop asks something. */
  message: ShopbellMessage;
  /** A message of the visitor has arrived at the shop. */
  sent: ShopbellMessage;
  /** The number of lines of agents that the visitor has not seen has changed. */
  unread: { count: number };
  /** The first message of a conversation has been sent. */
  started: { conversation: string };
  /** Either side has ended the conversation; another message begins a new one. */
  ended: { conversation?: string };
  /** The visitor has rated a conversation, or changed that: 1 (worst) to 5. */
  rated: { conversation?: string; rate: number };
  error: { message: string; cause?: unknown };
}

/** What `get` can tell. */
interface ShopbellFacts {
  state: 'open' | 'closed';
  unread: number;
  /** Whether this browser is connected to anything. */
  online: boolean;
  /** The number agents know the visitor by; null until he has written. */
  visitorId: number | null;
}

/**
 * Every verb may be called before the script has loaded, returns a promise
 * afterwards, and never throws: what goes wrong becomes an `error` event.
 */
interface Shopbell {
  /** Starts the chat where the script tag has no `data-site`, or again after `destroy`. */
  (verb: 'init', options?: ShopbellOptions): Promise<void>;
  /** Opens the panel; `text` is put into the box and not sent. */
  (verb: 'open', text?: string): Promise<void>;
  (verb: 'close' | 'toggle'): Promise<void>;
  /** Shows or hides the button. */
  (verb: 'show' | 'hide'): Promise<void>;
  /** Calls `handler` whenever the event happens; the promise brings a function that ends it. */
  <Name extends keyof ShopbellEvents>(
    verb: 'on',
    event: Name,
    handler: (detail: ShopbellEvents[Name]) => void,
  ): Promise<() => void>;
  /** Ends one handler, or all of an event. */
  <Name extends keyof ShopbellEvents>(
    verb: 'off',
    event: Name,
    handler?: (detail: ShopbellEvents[Name]) => void,
  ): Promise<void>;
  /** Before the script has loaded there is no promise yet: pass a callback then. */
  <Name extends keyof ShopbellFacts>(
    verb: 'get',
    fact: Name,
    tell?: (value: ShopbellFacts[Name]) => void,
  ): Promise<ShopbellFacts[Name]>;
  /** Signed out: this browser forgets the visitor; the shop keeps the conversation. */
  (verb: 'reset'): Promise<void>;
  /** Consent withdrawn: removes the chat and everything it has stored here. */
  (verb: 'destroy'): Promise<void>;

  /** Options that are read when the script loads. */
  settings?: ShopbellOptions;
}

declare const shopbell: Shopbell;

interface Window {
  shopbell: Shopbell;
}
