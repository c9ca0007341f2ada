import { html } from "htm/preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { requestJson } from "../http.js";

/** @typedef {{ code: string, name: string, kind: "port" | "region" }} Place */

/** Delay between the last keystroke and the search. */
const TYPING_MS = 150;
const MAX_SUGGESTIONS = 8;
/** Maximum length of a text that the API searches for; longer texts get no suggestions. */
const MAX_TEXT_LENGTH = 100;

/**
 * Combobox for a place. Suggests places whose code or name contains its text; while it is empty, the ports with the most
 * prices. Arrow keys, Enter and Escape work as in the ARIA pattern.
 * @param {{ attributes: object, value: string, placeholder: string, change: (value: string) => void, onLeave: () => void }} props
 */
export function PlaceInput({ attributes, value, placeholder, change, onLeave }) {
  const [places, setPlaces] = useState(/** @type {Place[]} */ ([]));
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const latestController = useRef(new AbortController());
  const { id } = /** @type {{ id: string }} */ (attributes);
  const list = `${id}-places`;
  const text = value.trim();
  useEffect(() => {
    latestController.current.abort();
    if (!isOpen || text.length > MAX_TEXT_LENGTH) return setPlaces([]);
    const controller = new AbortController();
    latestController.current = controller;
    const timer = setTimeout(async () => {
      try {
        /** @type {{ places: Place[] }} */
        const response = await requestJson(`places?${new URLSearchParams({ text, limit: String(MAX_SUGGESTIONS) })}`, {
          signal: controller.signal,
        });
        if (controller.signal.aborted) return;
        setPlaces(response.places);
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
        ...${attributes}
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
          // Until the search responds, only places that still match are offered.
          const typedText = typed.trim().toLowerCase();
          setPlaces(places.filter(({ code, name }) => `${code} ${name}`.toLowerCase().includes(typedText)));
          setActive(-1);
          change(typed);
        }}
        onClick=${() => setOpen(true)}
        onKeyDown=${press}
        onBlur=${() => {
          setOpen(false);
          onLeave();
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
