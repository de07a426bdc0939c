/**
 * The look: colours, the panel, the inbox and the popup. Directions are those of the text, so right-to-left needs nothing of its own. A page changes it by
 * the variables `--senna-…` and by parts.
 */
export const STYLE = `
:host {
  --accent: var(--senna-accent, light-dark(#4f46e5, #635bff));
  --on-accent: var(--senna-on-accent, #fff);
  --bg: var(--senna-background, light-dark(#fff, #16171b));
  --soft: var(--senna-surface, light-dark(#f1f2f6, #26282f));
  --text: var(--senna-text, light-dark(#1c1e24, #eceef3));
  --dim: var(--senna-muted, light-dark(#5d6472, #a3aaba));
  --line: var(--senna-border, light-dark(#e4e6ed, #2d3038));
  --bad: var(--senna-danger, light-dark(#c02637, #ff8791));
  --radius: var(--senna-radius, 18px);
  --tint: color-mix(in srgb, var(--accent) 12%, var(--bg));
  --shadow: 0 8px 32px light-dark(#1a1c3a2b, #000a);
  color-scheme: light dark;
  display: block;
  block-size: 560px;
  font: 400 15px/1.45 var(--senna-font, system-ui, sans-serif);
  color: var(--text);
}
:host([theme="light"]) { color-scheme: light; }
:host([theme="dark"]) { color-scheme: dark; }
:host([hidden]), [hidden] { display: none; }
* { box-sizing: border-box; margin: 0; padding: 0; }
ol, ul { list-style: none; }
button { font: inherit; color: inherit; background: none; border: 0; cursor: pointer; text-align: start; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.icon { inline-size: 20px; block-size: 20px; flex: none; fill: none; stroke: currentColor; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.dots .icon, .act .icon { stroke-width: 3; }
.back .icon:dir(rtl), .reply.icon:dir(rtl) { scale: -1 1; }
.panel { position: relative; display: flex; flex-direction: column; block-size: 100%; overflow: hidden; background: var(--bg); border: 1px solid var(--line); border-radius: var(--radius); container-type: inline-size; }
.body { flex: 1; min-block-size: 0; display: grid; grid-template: minmax(0, 1fr) / minmax(0, 1fr); }
.inbox, .chat { display: flex; flex-direction: column; min-inline-size: 0; }
.talking .inbox, .empty { display: none; }
header { display: flex; align-items: center; gap: 10px; min-block-size: 64px; padding: 10px 14px; border-block-end: 1px solid var(--line); }
h2 { font-size: 1.06em; font-weight: 650; }
.inbox h2 { flex: 1; font-size: 1.25em; }
.lines { flex: 1; min-inline-size: 0; }
.title, .excerpt, .below { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.below { font-size: .85em; color: var(--dim); }
.round { display: grid; place-items: center; inline-size: 36px; block-size: 36px; flex: none; border-radius: 50%; color: var(--dim); transition: background .15s; }
.round:hover { background: var(--soft); color: var(--text); }
.avatar { position: relative; flex: none; inline-size: 42px; block-size: 42px; border-radius: 50%; display: grid; place-items: center; font-weight: 600; --h: 280; background: light-dark(oklch(.91 .06 var(--h)), oklch(.36 .08 var(--h))); color: light-dark(oklch(.4 .14 var(--h)), oklch(.9 .07 var(--h))); }
.avatar.topic, .avatar.topic img { border-radius: 30%; }
.c1 { --h: 20; } .c2 { --h: 60; } .c3 { --h: 110; } .c4 { --h: 160; } .c5 { --h: 200; } .c6 { --h: 240; } .c7 { --h: 330; }
.avatar img { position: absolute; inset: 0; inline-size: 100%; block-size: 100%; border-radius: 50%; object-fit: cover; }
.dot { position: absolute; inset: auto 0 0 auto; inline-size: 12px; block-size: 12px; border-radius: 50%; background: light-dark(#12a150, #30d27c); border: 2px solid var(--bg); }
.entries { flex: 1; overflow: auto; padding: 8px; overscroll-behavior: contain; scrollbar-width: thin; }
.entry { display: flex; align-items: center; gap: 12px; inline-size: 100%; padding: 10px; border-radius: 12px; transition: background .15s; }
.entry:hover { background: var(--soft); }
.entry[aria-current] { background: var(--tint); }
.line { display: flex; align-items: center; gap: 6px; }
.line .icon { inline-size: 14px; color: var(--dim); }
.line .title { font-weight: 600; }
.line time, .line .excerpt { color: var(--dim); font-size: .87em; }
.line time { margin-inline-start: auto; font-size: .8em; }
.line .excerpt { flex: 1; }
.unread .excerpt { color: var(--text); }
.badge { min-inline-size: 20px; padding: 0 6px; border-radius: 10px; background: var(--accent); color: var(--on-accent); font: 600 12px/20px var(--senna-font, system-ui, sans-serif); text-align: center; }
h2 .badge { display: inline-block; margin-inline-start: 8px; vertical-align: 3px; }
.quiet { background: var(--soft); color: var(--dim); }
.banner, .notice { display: flex; align-items: center; justify-content: center; gap: 12px; font-size: .87em; color: var(--dim); background: var(--soft); }
.banner > *, .notice > span { padding-block: 7px; }
.banner button, .failed button { font-weight: 600; text-decoration: underline; }
.notice { background: color-mix(in srgb, var(--bad) 12%, var(--bg)); color: var(--bad); }
.plain { margin: auto; padding: 6px 14px; border-radius: 20px; background: var(--soft); font-size: .87em; }
.nothing { margin: auto; padding: 24px; text-align: center; font-weight: 600; }
.nothing .icon { inline-size: 44px; block-size: 44px; stroke-width: 1; color: var(--dim); }
.hint { font-weight: 400; color: var(--dim); }
.entries:has(.nothing, .loading) { display: flex; }
.loading, .dots { display: flex; gap: 5px; margin: auto; }
i { inline-size: 7px; block-size: 7px; border-radius: 50%; background: currentColor; opacity: .3; animation: 1.2s pulse infinite; }
i + i { animation-delay: .2s; }
i + i + i { animation-delay: .4s; }
@keyframes pulse { 40% { opacity: 1; } }
@container (min-width: 680px) {
  .inbox:not(:last-child) + .chat { border-inline-start: 1px solid var(--line); }
  .body:has(.inbox + .chat) { grid-template-columns: 300px minmax(0, 1fr); }
  .body > * { display: flex !important; }
  .inbox + .chat .back { display: none; }
}
:host(:is([mode="chat"])) .empty { display: flex; }
:host([mode="popup"]) { position: fixed; inset: auto 20px 20px auto; block-size: auto; z-index: 99999; }
:host([mode="popup"]:dir(rtl)) { inset: auto auto 20px 20px; }
:host([mode="popup"]) .panel { position: absolute; inset-block-end: 72px; inset-inline-end: 0; inline-size: min(390px, 100vw - 40px); block-size: min(620px, 100dvh - 112px); box-shadow: var(--shadow); animation: .18s rise; }
@keyframes rise { from { opacity: 0; translate: 0 12px; } }
.launcher { position: relative; display: grid; place-items: center; inline-size: 58px; block-size: 58px; border-radius: 50%; background: var(--accent); color: var(--on-accent); box-shadow: var(--shadow); outline-offset: 3px; }
.launcher .icon { inline-size: 26px; block-size: 26px; }
.launcher .badge { position: absolute; inset: -4px -4px auto auto; background: var(--bad); color: var(--bg); }
@media (max-width: 480px) {
  :host([mode="popup"]) .panel { position: fixed; inset: 0; inline-size: auto; block-size: auto; border: 0; border-radius: 0; z-index: 1; }
}
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;
