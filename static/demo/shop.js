// What a shop does to open the chat from its own page. Without a chat, and
// without this script, the link leads to the stand-alone page.

document.addEventListener('click', (event) => {
  const pressed = event.target instanceof Element && event.target.closest('[data-chat]');
  const chat = /** @type {any} */ (window).shopbell;
  if (!pressed || !chat || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  chat('open');
});
