/** The look of a conversation. */
export const CHAT = `
.messages { padding: 12px 16px; }
.messages::before { content: ""; margin-top: auto; }
.message { position: relative; display: flex; margin-top: 3px; }
.first { margin-top: 14px; }
.grouped { padding-inline-start: 40px; }
.grouped > .avatar { position: absolute; inset-inline-start: 0; width: 30px; height: 30px; font-size: .85em; }
.name { font-weight: 600; }
.column { align-items: start; }
.mine .column { align-items: end; }
.row { display: flex; align-items: center; gap: 4px; max-width: min(88%, 540px); }
.mine .row { flex-direction: row-reverse; }
.bubble { min-width: 0; padding: 7px 13px; border-radius: var(--senna-radius); background: var(--senna-surface); overflow-wrap: anywhere; }
.bubble.theirs { border-end-start-radius: 6px; }
.bubble.mine { border-end-end-radius: 6px; background: var(--senna-accent); color: var(--senna-on-accent); }
.text { white-space: pre-wrap; unicode-bidi: isolate; }
a { color: inherit; }
.mention { font-weight: 600; }
.mention.me { padding: 1px 4px; border-radius: 5px; background: color-mix(in srgb, var(--senna-accent) 24%, transparent); }
.bubble img { display: block; max-width: 100%; max-height: 260px; min-height: 60px; border-radius: 10px; margin-block: 4px; }
.meta { float: inline-end; display: flex; align-items: center; gap: 4px; margin-block: 6px -3px; margin-inline: 12px -2px; font-size: .75em; color: var(--senna-muted); }
.mine .meta { color: color-mix(in srgb, var(--senna-on-accent) 90%, var(--senna-accent)); }
.delivery { display: flex; }
.meta .icon { width: 15px; height: 15px; stroke-width: 2.2; }
.act { width: 28px; height: 28px; opacity: 0; }
.message:hover .act, .act:focus-visible { opacity: 1; }
@media (hover: none) { .act { opacity: .7; } }
.quote { display: block; padding: 3px 10px; margin-block: 2px 4px; border-inline-start: 3px solid; border-radius: 5px; background: color-mix(in srgb, currentColor 9%, transparent); font-size: .85em; }
.quote > *, .about .lines > * { display: block; font-size: 1em; color: inherit; }
.chips { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 4px; }
.chip { padding: 1px 8px; border: 1px solid var(--senna-border); border-radius: 14px; background: var(--senna-background); font-size: .85em; }
.chip span { margin-inline-start: 5px; color: var(--senna-muted); }
.chip[aria-pressed="true"] { border-color: var(--senna-accent); background: var(--tint); }
.failed { display: flex; gap: 10px; padding: 3px 4px; font-size: .85em; color: var(--senna-danger); }
.between { display: flex; align-items: center; gap: 12px; margin-block: 16px 4px; justify-content: center; text-align: center; }
.between > * { display: block; }
.between ::first-letter { text-transform: uppercase; }
.unread-mark { color: var(--senna-text); font-weight: 600; }
.unread-mark::before, .unread-mark::after { content: ""; flex: 1; border-top: 1px solid; opacity: .4; }
.foot { position: relative; }
.round.down { position: absolute; z-index: 1; bottom: calc(100% - 14px); inset-inline-end: 16px; background: var(--senna-background); border: 1px solid var(--senna-border); box-shadow: var(--shadow); }
.typing { height: 22px; padding-inline: 18px; }
.typing span.dots { margin: 0; }
.composer { position: relative; padding: 2px 12px 12px; }
.field { display: flex; align-items: end; gap: 6px; padding: 4px; padding-inline-start: 16px; border-radius: 24px; background: var(--senna-surface); }
.field:focus-within { outline: 2px solid var(--senna-accent); }
textarea { flex: 1; min-width: 0; max-height: 140px; padding-block: 7px; font: inherit; color: inherit; background: none; border: 0; outline: 0; resize: none; field-sizing: content; }
textarea::placeholder { color: var(--senna-muted); opacity: 1; }
@media (pointer: coarse) { textarea { font-size: 16px; } }
.round.send { background: var(--senna-accent); color: var(--senna-on-accent); }
.field:has(:placeholder-shown) .round { background: var(--senna-border); color: var(--senna-muted); }
.about { display: flex; align-items: center; gap: 10px; padding: 4px 6px 8px; color: var(--senna-muted); }
.menu { inset: auto; margin: 0; color: inherit; min-width: 150px; padding: 5px; background: var(--senna-background); border: 1px solid var(--senna-border); border-radius: 14px; box-shadow: var(--shadow); }
.choices { position: absolute; bottom: 100%; }
.reactions { display: flex; padding-bottom: 4px; }
.reactions button { padding: 4px 6px; border-radius: 10px; font-size: 1.25em; }
.item { display: block; padding: 6px 12px; border-radius: 10px; cursor: pointer; }
.menu button:hover, .menu :focus-visible, [aria-selected="true"], .reactions [aria-checked="true"] { background: var(--senna-surface); }
.danger { color: var(--senna-danger); }
`;
