import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ask } from "../http.js";

/** @typedef {{ code: string, name: string, kind: "port" | "region" }} Place */

/** Delay between the last key and the search. Milliseconds. */
const TYPING_MS = 150;
const MAX_SUGGESTIONS = 8;
/** Longer texts are not searched. Characters. */
const MAX_TEXT_LENGTH = 100;

/**
 * Combobox for a place, with suggestions by part of a code or name, and of much used ports while it is empty (ARIA
 * pattern: arrows, Enter and Escape work).
 * @param {{ given: object, value: string, placeholder: string, change: (value: string) => void, leave: () => void }} props
 */
export function PlaceInput({ given, value, placeholder, change, leave }) {
  const [places, setPlaces] = useState(/** @type {Place[]} */ ([]));
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const ended = useRef(new AbortController());
  const { id } = /** @type {{ id: string }} */ (given);
  const list = `${id}-places`;
  const text = value.trim();
  useEffect(() => {
    ended.current.abort();
    if (!isOpen || text.length > MAX_TEXT_LENGTH) return setPlaces([]);
    const controller = new AbortController();
    ended.current = controller;
    const timer = setTimeout(async () => {
      try {
        /** @type {{ places: Place[] }} */
        const found = await ask(`places?${new URLSearchParams({ text, limit: String(MAX_SUGGESTIONS) })}`, {
          signal: controller.signal,
        });
        if (controller.signal.aborted) return;
        setPlaces(found.places);
        setActive(-1);
      } catch {
        // If suggestions fail, the field still accepts a code, which the API validates.
      }
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, isOpen]);
  const isShown = isOpen && places.length > 0;
  /** @param {Place} place */
  const choose = (place) => {
    change(place.code);
    setOpen(false);
  };
  /** @param {KeyboardEvent} event */
  const press = (event) => {
    const { key } = event;
    if (key === "Escape" && isShown) {
      event.preventDefault();
      return setOpen(false);
    }
    if (key === "ArrowDown" || key === "ArrowUp") {
      event.preventDefault();
      if (!isShown) return setOpen(true);
      if (active < 0) return setActive(key === "ArrowDown" ? 0 : places.length - 1);
      return setActive((active + (key === "ArrowDown" ? 1 : -1) + places.length) % places.length);
    }
    const place = places[active];
    if (key === "Enter" && isShown && place) {
      event.preventDefault();
      choose(place);
    }
  };
  return html`
    <div class="combobox">
      <input
        ...${given}
        type="text"
        role="combobox"
        aria-autocomplete="list"
        aria-expanded=${isShown}
        aria-controls=${list}
        aria-activedescendant=${isShown && active >= 0 ? `${list}-${active}` : undefined}
        value=${value}
        placeholder=${placeholder}
        autocomplete="off"
        spellcheck=${false}
        onInput=${(/** @type {InputEvent} */ { currentTarget }) => {
          setOpen(true);
          const typed = /** @type {HTMLInputElement} */ (currentTarget).value;
          // Until the search answers, only places that still fit are offered.
          const part = typed.trim().toLowerCase();
          setPlaces(places.filter(({ code, name }) => `${code} ${name}`.toLowerCase().includes(part)));
          setActive(-1);
          change(typed);
        }}
        onClick=${() => setOpen(true)}
        onKeyDown=${press}
        onBlur=${() => {
          setOpen(false);
          leave();
        }}
      />
      <ul id=${list} role="listbox" aria-label="Places" hidden=${!isShown}>
        ${places.map(
          (place, index) => html`
            <li
              key=${place.code}
              id=${`${list}-${index}`}
              role="option"
              aria-selected=${index === active}
              onMouseDown=${(/** @type {MouseEvent} */ event) => {
                // Keeps the focus in the field.
                event.preventDefault();
                choose(place);
              }}
            >
              <strong>${place.code}</strong> ${place.name} <span class="dim small">${place.kind}</span>
            </li>
          `,
        )}
      </ul>
    </div>
  `;
}
