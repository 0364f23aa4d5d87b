/*
 * Turns the phone's position into the first half of a postcode, on the phone: the position is compared with a table
 * fetched when the button is pressed and is then forgotten. It is never sent, stored or put in an address.
 *
 * <button type="button" data-locate="INPUT" data-locate-table="URL" data-locate-status="STATUS" hidden>
 * <p id="STATUS" role="status"></p>
 *
 * Without this script, or on a phone that has no location to give, the button stays hidden and the field is typed.
 */

const TYPE_IT = "Type the first half of the postcode, for example LS1.";
const SAYINGS = {
  looking: "Finding where you are.",
  refused: `This phone did not share its location. ${TYPE_IT}`,
  lost: `We could not find where you are. ${TYPE_IT}`,
  noTable: `The list of postcodes did not load. ${TYPE_IT}`,
  abroad: `You do not seem to be near a UK postcode. ${TYPE_IT}`,
  found: (code) => `${code} is the nearest. Change it if that is not right.`,
  rough: (code) => `Your phone gave only a rough location. ${code} may be the nearest. Check it.`,
};

const FARTHEST_MILES = 25;
const ROUGH_METRES = 3000;
const MILES_IN_A_DEGREE = 69.1;
const REFUSED = 1;

/** The table as it travels, made into three lists: codes, latitudes and longitudes in degrees. */
export function unpack(table) {
  const codes = table.codes.split(" ").flatMap((area) => {
    const [letters, rest] = area.split(":");
    return rest.split(",").map((figures) => letters + figures);
  });
  const add = (steps) => {
    let at = 0;
    return steps.map((step) => (at += step) / table.scale);
  };
  const points = { codes, lat: add(table.lat), lon: add(table.lon) };
  if (!codes.length || points.lat.length !== codes.length || points.lon.length !== codes.length) {
    throw new Error("the table of postcodes is not whole");
  }
  return points;
}

/** The point nearest to a position in degrees: { code, miles }. Flat-earth squares are near enough over a few miles. */
export function nearest(points, lat, lon) {
  const narrow = Math.cos((lat * Math.PI) / 180);
  let best = 0;
  let least = Infinity;
  points.codes.forEach((_, index) => {
    const north = points.lat[index] - lat;
    const east = (points.lon[index] - lon) * narrow;
    const square = north * north + east * east;
    if (square < least) {
      least = square;
      best = index;
    }
  });
  return { code: points.codes[best], miles: Math.sqrt(least) * MILES_IN_A_DEGREE };
}

function position(geolocation) {
  return new Promise((resolve, reject) => {
    geolocation.getCurrentPosition(resolve, reject, { timeout: 15000, maximumAge: 60000, enableHighAccuracy: false });
  });
}

async function fetchTable(fetcher, url) {
  const answer = await fetcher(url, { credentials: "same-origin" });
  if (!answer.ok) {
    throw new Error("the table of postcodes was refused");
  }
  return unpack(await answer.json());
}

/** Makes one button work. `page` has document, geolocation and fetch, so that a test can lend its own. */
export function attach(button, page) {
  const input = page.document.getElementById(button.dataset.locate);
  const status = page.document.getElementById(button.dataset.locateStatus);
  if (!page.geolocation || !input || !status) {
    return;
  }
  let busy = false;
  const say = (words) => {
    status.textContent = words;
  };

  async function locate() {
    if (busy) {
      return;
    }
    busy = true;
    button.setAttribute("aria-disabled", "true");
    say(SAYINGS.looking);
    const typedBefore = input.value;
    const [table, place] = await Promise.allSettled([
      fetchTable(page.fetch, button.dataset.locateTable),
      position(page.geolocation),
    ]);
    busy = false;
    button.removeAttribute("aria-disabled");
    if (place.status === "rejected") {
      say(place.reason && place.reason.code === REFUSED ? SAYINGS.refused : SAYINGS.lost);
      return;
    }
    if (table.status === "rejected") {
      say(SAYINGS.noTable);
      return;
    }
    const { latitude, longitude, accuracy } = place.value.coords;
    const { code, miles } = nearest(table.value, latitude, longitude);
    if (!(miles <= FARTHEST_MILES)) {
      say(SAYINGS.abroad);
      return;
    }
    if (input.value !== typedBefore) {
      say("");
      return;
    }
    input.value = code;
    input.dispatchEvent(new page.Event("input", { bubbles: true }));
    input.dispatchEvent(new page.Event("change", { bubbles: true }));
    say(accuracy > ROUGH_METRES ? SAYINGS.rough(code) : SAYINGS.found(code));
  }

  button.addEventListener("click", locate);
  button.hidden = false;
}

if (typeof document !== "undefined") {
  const page = {
    document,
    geolocation: navigator.geolocation,
    fetch: (...request) => window.fetch(...request),
    Event: window.Event,
  };
  document.querySelectorAll("button[data-locate]").forEach((button) => attach(button, page));
}
