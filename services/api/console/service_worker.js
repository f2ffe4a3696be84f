// Service worker: keeps the files of the console on this device, so that it opens without the server. It stores nothing of
// the API: it never answers for another path than the page and the files of its own version. The server puts a line with
// `CONSOLE_RELEASE` before this text.
//
// A new version is installed beside the old one and becomes active when no page of the old one is open any more, so no page
// loses files that it has not loaded yet.

const { version, files } = self.CONSOLE_RELEASE;
const CACHE_PREFIX = "switchboard-console-";
const CACHE_NAME = CACHE_PREFIX + version;
const PAGE_PATH = "/";
const PAGE_TIMEOUT_MS = 4_000;

addEventListener("install", (event) => event.waitUntil(storeFiles()));
addEventListener("activate", (event) => event.waitUntil(Promise.all([deleteOldCaches(), self.registration.navigationPreload?.enable()])));
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin || request.headers.has("range")) return;
  if (request.mode === "navigate" && url.pathname === PAGE_PATH) event.respondWith(pageResponse(event));
  else if (url.pathname.startsWith(`/console/${version}/`)) event.respondWith(fileResponse(event));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openConsole(event.notification.data?.address ?? "#/inbox"));
});

/** In the page that is open already, else in a new one. */
async function openConsole(address) {
  const [page] = await clients.matchAll({ type: "window", includeUncontrolled: true });
  if (!page) return clients.openWindow(PAGE_PATH + address);
  page.postMessage({ notificationAddress: address });
  return page.focus();
}

async function storeFiles() {
  const cache = await caches.open(CACHE_NAME);
  try {
    const page = await fetch(PAGE_PATH, { cache: "no-cache" });
    if (!page.ok || !(await page.clone().text()).includes(version)) throw new Error("the server has another version by now");
    await cache.addAll(files);
    await cache.put(PAGE_PATH, page);
  } catch (error) {
    await caches.delete(CACHE_NAME);
    throw error; // the browser tries again at the next visit
  }
}

async function deleteOldCaches() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith(CACHE_PREFIX) && name !== CACHE_NAME).map((name) => caches.delete(name)));
}

/** The page of the server; the stored one when the server does not answer in time, or not with a page. */
async function pageResponse(event) {
  const fromServer = Promise.resolve(event.preloadResponse).then((response) => response ?? fetch(event.request));
  const answered = fromServer.catch(() => null);
  event.waitUntil(answered);
  const timeout = new Promise((resolve) => setTimeout(resolve, PAGE_TIMEOUT_MS, null));
  const response = await Promise.race([answered, timeout]);
  if (response && response.status < 500) return response;
  return (await storedResponse(PAGE_PATH)) ?? fromServer;
}

async function fileResponse(event) {
  const stored = await storedResponse(event.request);
  if (stored) return stored;
  const response = await fetch(event.request);
  if (response.status === 200) event.waitUntil(storeResponse(event.request, response.clone()));
  return response;
}

// how the server compressed a response makes no difference
const storedResponse = async (request) => (await caches.open(CACHE_NAME)).match(request, { ignoreVary: true });
const storeResponse = async (request, response) => (await caches.open(CACHE_NAME)).put(request, response);
