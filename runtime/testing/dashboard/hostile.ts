/** Texts that would run, load or break something if a page treated them as more than text. */
export const HOSTILE: readonly string[] = [
  "<img src=x onerror=globalThis.ran=1>",
  '"><svg onload=globalThis.ran=1><use href="data:image/svg+xml,x"/></svg>',
  "</script><script>globalThis.ran=1</script>",
  "</title></textarea></pre><iframe srcdoc='<script>parent.ran=1</script>'>",
  "javascript:globalThis.ran=1//",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: text that a template could evaluate
  "${globalThis.ran=1}`+globalThis.ran",
  "{{constructor.constructor('globalThis.ran=1')()}}",
  "' autofocus onfocus=globalThis.ran=1 x='",
  "<style>*{display:none}</style><base href=//example.invalid/>",
  "<a href=//example.invalid/ style=position:fixed;inset:0>x</a>",
  "&lt;b&gt;&#x3c;b&#x3e;",
  "\u202Edesrever\u2066\u200F اسم \u05E9\u05DC\u05D5\u05DD",
  `Z${"\u0335\u0327\u0321\u0322".repeat(15)}`,
  "w".repeat(64),
];

/** Script that lists traces of hostile text in a page: injected elements, attributes and links, overflow, a script that ran. */
export const INJECTED = `(() => {
  const app = document.querySelector("#app");
  const elements = [...document.querySelectorAll("iframe, object, embed, base, style, svg, #app script, #app link")];
  const images = [...app.querySelectorAll("img")].filter((element) => !/\\/dashboard\\/[\\w-]+\\/icon\\.svg$/.test(element.src));
  const links = [...document.querySelectorAll("a[href]")].filter((element) => new URL(element.href).origin !== location.origin);
  const handlers = [...document.querySelectorAll("*")].filter((element) => [...element.attributes].some(({ name }) => name.startsWith("on")));
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  return [
    ...[...elements, ...images, ...links, ...handlers].map((element) => element.outerHTML.slice(0, 200)),
    ...(wide > 0 ? [wide + " pixels too wide"] : []),
    ...(globalThis.ran === undefined ? [] : ["a script ran"]),
  ];
})()`;
