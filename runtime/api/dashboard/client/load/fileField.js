import { html } from "htm/preact";
import { useEffect, useState } from "preact/hooks";
import { bytes } from "../format.js";
import { firstLines } from "./files.js";

/**
 * Field for choosing or dropping a file, with a preview of its first lines.
 * @param {{ file: File | undefined, problem: string, isDisabled: boolean, choose: (file: File) => void }} props
 */
export function FileField({ file, problem, isDisabled, choose }) {
  const [isOver, setOver] = useState(false);
  const [lines, setLines] = useState("");
  useEffect(() => {
    let isCurrent = true;
    setLines("");
    if (file)
      firstLines(file).then(
        (text) => isCurrent && setLines(text),
        () => {}, // Read errors are reported when the file is uploaded.
      );
    return () => {
      isCurrent = false;
    };
  }, [file]);
  /** @param {DragEvent} event */
  const drop = (event) => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer?.files[0];
    if (dropped && !isDisabled) choose(dropped);
  };
  /** @param {DragEvent} event */
  const dragOver = (event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`
    <div class=${`drop ${isOver ? "over" : ""}`} onDragOver=${dragOver} onDragLeave=${() => setOver(false)} onDrop=${drop}>
      <label for="load-file">File</label>
      <input
        id="load-file"
        type="file"
        disabled=${isDisabled}
        accept=".csv,.ndjson,.jsonl,.gz"
        aria-describedby="load-file-help load-file-problem"
        aria-invalid=${problem !== ""}
        onChange=${(/** @type {Event} */ { currentTarget }) => {
          const [chosen] = /** @type {HTMLInputElement} */ (currentTarget).files ?? [];
          if (chosen) choose(chosen);
        }}
      />
      <p id="load-file-help" class="dim small">
        ${file ? html`<strong><bdi>${file.name}</bdi></strong>, ${bytes(file.size)}` : "Drop a .csv or .ndjson file here, or choose one. It may be gzipped. The first line of a CSV file is its header."}
      </p>
      <p id="load-file-problem" class="bad-text small" role="status">${problem}</p>
      ${lines && html`<pre tabindex="0" aria-label="First lines of the file">${lines}</pre>`}
    </div>
  `;
}
