/** The look of a conversation. */
export const CHAT = `
.messages { flex: 1; display: flex; flex-direction: column; overflow: auto; padding: 12px 16px; overflow-anchor: none; overscroll-behavior: contain; scrollbar-width: thin; }
ol { margin-block-start: auto; }
.message { position: relative; display: flex; margin-block-start: 3px; }
.first { margin-block-start: 14px; }
.grouped { padding-inline-start: 40px; }
.grouped > .avatar { position: absolute; inset-inline-start: 0; inline-size: 30px; block-size: 30px; font-size: .8em; }
.name { font-size: .8em; font-weight: 600; color: var(--dim); }
.column { display: flex; flex-direction: column; align-items: start; inline-size: 100%; }
.mine .column { align-items: end; }
.row { display: flex; align-items: center; gap: 4px; max-inline-size: min(88%, 540px); }
.mine .row { flex-direction: row-reverse; }
.bubble { min-inline-size: 0; padding: 7px 13px; border-radius: var(--radius); background: var(--soft); overflow-wrap: anywhere; transition: box-shadow .3s; }
.bubble.theirs { border-end-start-radius: 6px; }
.bubble.mine { border-end-end-radius: 6px; background: var(--accent); color: var(--on-accent); }
.found .bubble { box-shadow: 0 0 0 3px color-mix(in srgb, var(--accent) 50%, transparent); }
.text { white-space: pre-wrap; unicode-bidi: isolate; }
a { color: inherit; }
.mention { font-weight: 600; }
.mention.me { padding: 1px 4px; border-radius: 5px; background: color-mix(in srgb, var(--accent) 24%, transparent); }
.bubble img { display: block; max-inline-size: 100%; max-block-size: 260px; min-block-size: 60px; border-radius: 10px; margin-block: 4px; }
.meta { float: inline-end; display: flex; align-items: center; gap: 4px; margin: 6px 0 -3px 12px; margin-inline: 12px -2px; font-size: .73em; color: var(--dim); }
.mine .meta { color: color-mix(in srgb, var(--on-accent) 86%, var(--accent)); }
.delivery { display: flex; }
.meta .icon { inline-size: 15px; block-size: 15px; stroke-width: 2.2; }
.act { inline-size: 28px; block-size: 28px; opacity: 0; }
.message:hover .act, .act:focus-visible { opacity: 1; }
@media (hover: none) { .act { opacity: .7; } }
.quote { display: block; inline-size: 100%; padding: 3px 10px; margin-block: 2px 4px; border-inline-start: 3px solid; border-radius: 5px; background: color-mix(in srgb, currentColor 9%, transparent); font-size: .87em; }
.quote > * { display: block; color: inherit; }
.chips { display: flex; flex-wrap: wrap; gap: 4px; margin-block-start: 4px; }
.chip { padding: 1px 8px; border: 1px solid var(--line); border-radius: 14px; background: var(--bg); font-size: .85em; }
.chip span { margin-inline-start: 5px; color: var(--dim); }
.chip[aria-pressed="true"] { border-color: var(--accent); background: var(--tint); }
.failed { display: flex; gap: 10px; padding: 3px 4px; font-size: .83em; color: var(--bad); }
.between { display: flex; align-items: center; gap: 12px; margin-block: 16px 4px; font-size: .8em; color: var(--dim); justify-content: center; text-align: center; }
.day time::first-letter { text-transform: uppercase; }
.day time { display: inline-block; }
.unread-mark { color: var(--accent); color: light-dark(var(--accent), color-mix(in srgb, var(--accent) 45%, #fff)); font-weight: 600; }
.unread-mark::before, .unread-mark::after { content: ""; flex: 1; border-block-start: 1px solid; opacity: .4; }
.foot { position: relative; }
.down { position: absolute; z-index: 1; inset: auto 16px calc(100% - 14px) auto; background: var(--bg); border: 1px solid var(--line); box-shadow: var(--shadow); }
.down:dir(rtl), .down:dir(rtl) + .badge { inset-inline: auto 16px; }
.down + .badge { position: absolute; z-index: 1; inset: auto 24px calc(100% + 14px) auto; }
.typing { display: flex; align-items: center; gap: 8px; block-size: 22px; padding-inline: 18px; font-size: .8em; color: var(--dim); }
.typing .dots { margin: 0; }
.composer { position: relative; padding: 2px 12px 12px; }
.field { display: flex; align-items: end; gap: 6px; padding: 4px; padding-inline-start: 16px; border-radius: 24px; background: var(--soft); }
.field:focus-within { outline: 2px solid var(--accent); }
textarea { flex: 1; min-inline-size: 0; max-block-size: 140px; padding-block: 7px; font: inherit; color: inherit; background: none; border: 0; outline: 0; resize: none; field-sizing: content; }
textarea::placeholder { color: var(--dim); opacity: 1; }
@media (pointer: coarse) { textarea { font-size: 16px; } }
.send, .send:hover { background: var(--accent); color: var(--on-accent); }
.field:has(:placeholder-shown) .send { background: var(--line); color: var(--dim); }
.about { display: flex; align-items: center; gap: 10px; padding: 4px 6px 8px; color: var(--dim); }
.about .lines > * { display: block; }
.menu { position: absolute; z-index: 9; min-inline-size: 150px; padding: 5px; background: var(--bg); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); }
.choices { inset-block-end: 100%; }
.reactions { display: flex; padding-block-end: 4px; }
.reactions button { padding: 4px 6px; border-radius: 10px; font-size: 1.25em; }
.item { display: block; inline-size: 100%; padding: 6px 12px; border-radius: 9px; cursor: pointer; }
.menu button:hover, .menu :focus-visible, [aria-selected="true"], .reactions [aria-checked="true"] { background: var(--soft); }
.danger { color: var(--bad); }
`;
