// The page's own code: the stream, the charts, the dialogs, the keyboard. No framework, nothing inline.
import { startStream } from "./stream.js";
import { bindCells } from "./cells.js";
import { startCharts } from "./charts.js";
import { startDialogs } from "./dialogs.js";
import { startKeyboard } from "./keyboard.js";
import { startScrollers } from "./scrollers.js";

bindCells(document);
startDialogs();
startKeyboard();
startCharts();
startScrollers();
startStream();
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
