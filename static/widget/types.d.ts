// What travels between the widget and the server, and between its own parts.

/** One line of a conversation. `id` is its place in the order of everything. */
export interface Message {
  id: number;
  /** The conversation it is in, and when that began. */
  conversation: string;
  since: number;
  /** The key its sender made up for it, so that a retry is never a second line. */
  cid: string;
  from: 'visitor' | 'agent' | 'system';
  name: string | null;
  /** Plain text, also of the parts. */
  body: string;
  /** What it holds, where that is more than words. */
  parts?: Part[];
  /** RFC 3339, UTC. */
  at: string;
}

/** A part of a message: drawn by its script, where it has one, or else its text. */
export interface Part {
  text: string;
  script?: string;
  data?: any;
}

/** What a script that draws a part exports. */
export interface PartScript {
  /**
   * Replaces the text that stands in `place` until then: once somebody looks, and
   * again, in a new place, whenever the part has changed.
   */
  draw(place: HTMLElement, data: any, tools: PartTools): void;
}

export interface PartTools {
  config: SiteConfig;
  chat: Chat;
  t(key: string, values?: Record<string, any>): string;
  make(tag: string, properties?: object, ...children: (Node | string)[]): any;
  /** Tells the shop's page. A panel of an earlier release does not hand it on. */
  emit?: Shell['emit'];
}

/** A question how it was, as its part brings it. */
export interface RatingCard {
  key: string;
  /** When it became what it is, in milliseconds. */
  at: number;
  withdrawn: boolean;
  rate?: number | null;
  comment?: string | null;
  /** Until then it may be changed. */
  until?: number | null;
  /** Of them `withdrawn` alone where it was withdrawn. */
  words: Record<'ask' | 'comment' | 'hint' | 'send' | 'thanks' | 'change' | 'choose' | 'offline' | 'overtaken' | 'withdrawn', string> &
    Record<'rates' | 'names', string[]>;
}

/** What is chosen and typed, and not sent yet. */
export interface RatingDraft {
  key: string;
  rate?: number;
  comment?: string;
}

/** `GET /w/v1/sites/{site}` */
export interface SiteConfig {
  /** Of a refusal, which has nothing else of this (RFC 9457). */
  status?: number;
  name: string;
  color: string;
  on_color: string;
  position: 'start' | 'end';
  lang: string;
  dir: 'ltr' | 'rtl';
  /** Whether agents see what is being typed before it is sent. */
  preview: boolean;
  epoch: string;
  message_max: number;
  texts: Record<string, string>;
}

/** `GET /w/v1/history` */
export interface History {
  messages: Message[];
  /** The query for older lines, where there are any. */
  older: string | null;
  /** The one that goes on. */
  conversation: string | null;
  seq: number;
  epoch: string;
  /** How far agents have read in that. */
  agent_seen: number;
  visitor_seen: number;
  state: ConversationState;
}

export type ConversationState = 'none' | 'open' | 'resolved';

/** `POST /w/v1/messages` */
export interface Posted {
  message: Message;
  /** It is the first line there. */
  started: boolean;
}

/** Whatever the socket brings; each item has some of these. */
export interface Item {
  t?: 'welcome' | 'reload' | 'pong';
  op?: 'put' | 'text' | 'remove' | 'typing';
  seq?: number;
  epoch?: string;
  missed?: number;
  list?: 'log' | 'state' | 'seen' | 'site';
  id?: any;
  /** Of a state, and of what was seen: which conversation's. */
  key?: any;
  /** A message in the log, a state, the number of a line, or how the site looks now. */
  data?: any;
  name?: any;
  on?: any;
}

/** A message that the server has not confirmed, under `shopbell:{site}:{cid}`. */
export interface Unsent {
  cid: string;
  /** What went on when it was written; nothing where it begins a conversation. */
  conversation?: string | null;
  body: string;
  at: string;
  page: string;
  title: string;
  /** Why the server refused it; it waits for the visitor then. */
  error?: string;
}

/** What else this browser keeps for a site, under `shopbell:{site}`. */
export interface Stored {
  token?: string;
  number?: number;
  /** The newest line the visitor has seen. */
  read?: number;
  /** Of the numbers: another one begins where a copy of the database was restored. */
  epoch?: string;
  draft?: string;
  silent?: boolean;
  rating?: RatingDraft;
  /** Milliseconds by which the clock of this device is ahead of the server. */
  ahead?: number;
}

/** A line as the log shows it. */
export interface Line {
  cid: string;
  conversation?: string | null;
  from: string;
  name: string | null;
  /** Who answers from here on, where that is new; empty for nobody. */
  with?: string;
  body: string;
  parts?: Part[];
  at: string;
  /** Of the visitor's own lines: waiting, sent, seen or failed. */
  state: string;
  /** What the server said against it. */
  error?: string;
}

/** The conversation, as the panel uses it. */
export interface Chat {
  state: ConversationState;
  /** Which agent is typing. */
  writing?: string;
  /** Why nothing gets through, in the server's words or none; undefined when it does. */
  trouble?: string;
  /** How older lines than those at hand are asked for, where there are any. */
  more: string | null;
  /** What the log shows: what the server has, and then what it does not have yet. */
  lines(): Line[];
  /** How many lines of agents nobody here has looked at; `looking` makes it none. */
  unread(looking: boolean): number;
  stored(): Stored;
  /** A change that concerns nobody else. */
  keep(edit: (it: Stored) => void): void;
  /** A change that the other tabs, and this one, should show. */
  change(edit: (it: Stored) => void): void;
  /** Once the panel can show what comes. */
  begin(): void;
  /** False where too much is unsent already. */
  send(body: string): boolean;
  retry(cid: string): void;
  discard(cid: string): void;
  /** Whether somebody has the panel open. */
  watch(now: boolean): void;
  typing(text: string): void;
  loadOlder(): Promise<Answer>;
  end(): Promise<Answer>;
  /** What was stored has been removed: this visitor is nobody again. */
  reset(): void;
  leave(): void;
}

/** The place the panel is mounted in: beside the loader's launcher, or a whole page. */
export interface Shell {
  root: ShadowRoot;
  /** Where the server is, with the path it stands under and a slash at the end. */
  home: string;
  /** The same without path and slash, as loaders of earlier releases say it. */
  origin?: string;
  /** The `data-` attributes of the script, and what `init` added. */
  options: Record<string, string | undefined>;
  /** What `get` tells. */
  facts: Record<string, unknown>;
  button: HTMLButtonElement;
  /** The visible words in the launcher. */
  label: HTMLElement;
  /** What the launcher is called while nothing is unread. */
  title?: string;
  /** Where the chat is a whole page: what it is drawn into, instead of a dialog. */
  frame?: HTMLElement;
  emit(name: string, detail?: object): void;
}

export interface Panel {
  open(text?: string): void;
  close(): void;
  /** The host element was put back into the page. */
  restore(): void;
  reset(): void;
  destroy(): void;
}

/** What the site decides, what its page decides itself, and how that is shown. */
export interface Site {
  config: SiteConfig;
  options: Shell['options'];
  dress(): void;
}

/** An open socket. */
export interface Live {
  close(): void;
  type(text: string): void;
}

/** What is fetched only when it is needed. */
export interface Extras {
  /** Opens the menu behind "More", or closes it. */
  toggle(): void;
  /** The bell for a line; `attended`: somebody is reading it here. */
  ring(id: number, attended: boolean): void;
}

/** The parts of the panel that the extras work with. */
export interface Parts {
  root: ShadowRoot;
  moreButton: HTMLElement;
  box: HTMLElement;
  chat: Chat;
  t(key: string, values?: Record<string, any>): string;
  make(tag: string, properties?: object, ...children: (Node | string)[]): any;
  tell(hint?: string): void;
}

/** What came of a request; status 0 where no answer did. */
export interface Answer {
  ok: boolean;
  status: number;
  /** What the server said; undefined where it was no JSON, and so not the server's. */
  told: any;
  /** How long to wait, where the server says so. */
  seconds: number;
}
