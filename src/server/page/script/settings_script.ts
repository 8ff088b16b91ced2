/**
 * How tokens are drawn, as it is set on the page.
 *
 * @module
 */

/** JavaScript. */
export const SETTINGS_SCRIPT = String.raw`
const SETTINGS_NAME = "gpt2.settings";
const controls = byId("controls");
const numberInputs = [...controls.querySelectorAll("input[type=number]")];

function showSettings() {
  const isGreedy = controls.elements.greedy.checked;
  for (const input of numberInputs) input.disabled = isGreedy && input.hasAttribute("data-drawing");
  for (const input of numberInputs) input.setAttribute("aria-invalid", !input.validity.valid);
}

function keepSettings() {
  const values = { greedy: controls.elements.greedy.checked, stop: controls.elements.stop.value };
  for (const { name, value } of numberInputs) values[name] = value;
  kept.set(SETTINGS_NAME, JSON.stringify(values));
}

function restoreSettings() {
  const { greedy, ...values } = JSON.parse(kept.get(SETTINGS_NAME) ?? "{}");
  controls.elements.greedy.checked = greedy ?? false;
  for (const [name, value] of Object.entries(values)) if (controls.elements[name]) controls.elements[name].value = value;
  showSettings();
}

/** What is wrong with the settings, in words. */
function settingsProblem() {
  const wrong = numberInputs.find((input) => !input.disabled && !input.validity.valid);
  if (wrong === undefined) return undefined;
  return wrong.labels[0].textContent + ": " + wrong.validationMessage;
}

/** The fields of a request. */
function samplingFields() {
  const fields = {};
  for (const { name, value, disabled } of numberInputs) if (value !== "" && !disabled) fields[name] = Number(value);
  if (controls.elements.greedy.checked) fields.temperature = 0;
  const stop = controls.elements.stop.value.split("\n").filter((line) => line !== "")
    .map((line) => line.replaceAll("\\n", "\n"));
  if (stop.length > 0) fields.stop = stop;
  return fields;
}

controls.addEventListener("input", () => { showSettings(); keepSettings(); });
controls.addEventListener("reset", () => setTimeout(() => { showSettings(); keepSettings(); }));
controls.addEventListener("submit", (event) => event.preventDefault());
restoreSettings();
`;
