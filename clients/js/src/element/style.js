/**
 * The look: colours, the panel, the inbox and the popup. Directions are those of the text, so right-to-left needs nothing of its own. A page changes it by
 * the variables that begin with --senna and by parts.
 */
export const STYLE = `
:host {
  --senna-accent: #554cea;
  --senna-on-accent: #fff;
  --senna-background: light-dark(#fff, #16171b);
  --senna-surface: light-dark(#f1f2f6, #26282f);
  --senna-text: light-dark(#1c1e24, #eceef3);
  --senna-muted: light-dark(#5d6472, #a3aaba);
  --senna-border: light-dark(#e4e6ed, #2d3038);
  --senna-danger: light-dark(#c02637, #ff8791);
  --senna-radius: 18px;
  --tint: color-mix(in srgb, var(--senna-accent) 12%, var(--senna-background));
  --shadow: 0 8px 32px light-dark(#1a1c3a2b, #000a);
  color-scheme: light dark;
  display: block;
  height: 560px;
  font: 400 15px/1.45 var(--senna-font, system-ui, sans-serif);
  color: var(--senna-text);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none; }
* { box-sizing: border-box; margin: 0; padding: 0; }
ol, ul { list-style: none; }
button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer; text-align: start; }
:focus-visible { outline: 2px solid var(--senna-accent); outline-offset: -2px; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { width: 20px; height: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.icon.dots { stroke-width: 3; }
.icon.back:dir(rtl) { scale: -1 1; }
.panel, .inbox, .chat, .entries, .messages, .column { display: flex; flex-direction: column; }
.panel { position: relative; height: 100%; overflow: hidden; background: var(--senna-background); border: 1px solid var(--senna-border); border-radius: var(--senna-radius); container-type: inline-size; }
.body { flex: 1; min-height: 0; display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); }
.inbox, .chat { min-width: 0; }
.talking .inbox, .panel:not(.talking) .inbox + .chat { display: none; }
header { display: flex; align-items: center; gap: 10px; min-height: 64px; padding: 10px 14px; border-bottom: 1px solid var(--senna-border); }
h2 { font-size: 1em; }
.title { font-weight: 600; }
.inbox h2 { flex: 1; font-size: 1.25em; }
.lines { flex: 1; min-width: 0; }
.title, .excerpt, .below { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.entry, .item, .quote, .column { width: 100%; }
.below, .name, .line time, .excerpt, .banner, .notice, .between, .typing { font-size: .85em; color: var(--senna-muted); }
.round { display: grid; place-items: center; width: 36px; height: 36px; flex: none; border-radius: 50%; color: var(--senna-muted); }
.round:hover { background: var(--senna-surface); color: var(--senna-text); }
.avatar { position: relative; flex: none; width: 42px; height: 42px; border-radius: 50%; display: grid; place-items: center; font-weight: 600; background: oklch(.5 .13 calc(67 * var(--hue))); color: #fff; }
.topic { border-radius: 30%; }
.avatar img { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: inherit; object-fit: cover; }
.dot { position: absolute; bottom: 0; inset-inline-end: 0; width: 12px; height: 12px; border-radius: 50%; background: light-dark(#12a150, #30d27c); border: 2px solid var(--senna-background); }
.entries, .messages { flex: 1; overflow: auto; padding: 8px; overflow-anchor: none; overscroll-behavior: contain; }
.entry { display: flex; align-items: center; gap: 12px; padding: 10px; border-radius: 12px; }
.entry:hover { background: var(--senna-surface); }
.entry[aria-current] { background: var(--tint); }
.line, .typing { display: flex; align-items: center; gap: 6px; }
.line .icon { width: 14px; color: var(--senna-muted); }
.line time { margin-inline-start: auto; }
.line .excerpt { flex: 1; }
.unread .excerpt { color: var(--senna-text); }
.badge { min-width: 20px; padding: 0 6px; border-radius: 10px; background: var(--senna-accent); color: var(--senna-on-accent); font-weight: 600; font-size: 12px; line-height: 20px; text-align: center; }
.quiet .badge { background: var(--senna-surface); color: var(--senna-muted); }
.banner, .notice { display: flex; align-items: center; justify-content: center; gap: 12px; background: var(--senna-surface); }
.banner > *, .notice > span { padding-block: 7px; }
.banner button, .failed button { flex: none; font-weight: 600; text-decoration: underline; }
.notice { color: var(--senna-danger); }
.plain { margin: auto; padding: 6px 14px; border-radius: 20px; background: var(--senna-surface); font-size: .85em; }
.nothing { display: grid; place-items: center; gap: 8px; margin: auto; padding: 24px; text-align: center; font-weight: 600; }
.nothing .icon { width: 44px; height: 44px; stroke-width: 1; color: var(--senna-muted); }
.loading, span.dots { display: flex; gap: 5px; margin: auto; }
i { width: 7px; height: 7px; border-radius: 50%; background: currentColor; opacity: .4; }
@media (prefers-reduced-motion: no-preference) { i { animation: 1.2s pulse infinite; } }
i + i { animation-delay: .2s; }
i + i + i { animation-delay: .4s; }
@keyframes pulse { 40% { opacity: 1; } }
@container (min-width: 680px) {
  .inbox:not(:last-child) + .chat { border-inline-start: 1px solid var(--senna-border); }
  .body:has(.inbox + .chat) { grid-template-columns: 300px minmax(0, 1fr); }
  .body > * { display: flex !important; }
  .inbox + .chat .back { display: none; }
}
:host([mode="popup"]) { position: fixed; bottom: 20px; inset-inline-end: 20px; height: auto; z-index: 999; }
:host([mode="popup"]) .panel { position: absolute; bottom: 72px; inset-inline-end: 0; width: min(390px, 100vw - 40px); height: min(620px, 100dvh - 112px); box-shadow: var(--shadow); }
.launcher { position: relative; display: grid; place-items: center; width: 58px; height: 58px; border-radius: 50%; background: var(--senna-accent); color: var(--senna-on-accent); box-shadow: var(--shadow); }
.launcher .badge, .round .badge { position: absolute; top: -4px; inset-inline-end: -4px; }
.launcher .badge { background: var(--senna-danger); color: var(--senna-background); }
@media (max-width: 480px) {
  :host([mode="popup"]) .panel { position: fixed; inset: 0; width: auto; height: auto; border: 0; border-radius: 0; z-index: 1; }
}
`;
