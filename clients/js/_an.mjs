import { gzipSync } from "node:zlib"; import { build } from "esbuild"; import { bundle } from "./scripts/bundle.js";
const gz=s=>gzipSync(s,{level:9}).length;
const core=gz(await bundle("index")); let whole=Buffer.from(await bundle("element/index")).toString();
const all=gz(whole);
const nocss=whole.replace(/='\.messages\{[^']*'/,"=''").replace(/=':host\{[^']*'/,"=''").replace(/=".messages\{[^"]*"/,'=""');
console.log("js",gz(nocss)-core,nocss.length,"css",all-gz(nocss));
const nostr=nocss.replace(/inbox:"Messages".*?not work: \{why\}"/s,""); console.log("strings",gz(nocss)-gz(nostr));
const noic=nocss.replace(/\{back:"M15.*?send:"[^"]*"\}/s,"{}"); console.log("icons",gz(nocss)-gz(noic));
import {writeFileSync} from "node:fs"; writeFileSync("/tmp/nocss.js",nocss);
