// Where the phone is, as it says itself: asked for once a screen, never waited for.
let last = null;

export function here() { return last && Date.now() - last.at < 300000 ? last : null; }

// The place with its accuracy, or null when the phone does not tell within the time.
export function locate(patience = 12000) {
  if (!navigator.geolocation) return Promise.resolve(here());
  return new Promise((tell) => {
    const give = setTimeout(() => tell(here()), patience);
    const found = ({ coords }) => {
      clearTimeout(give);
      last = {
        latitude: coords.latitude.toFixed(6), longitude: coords.longitude.toFixed(6),
        accuracy_m: Math.min(Math.ceil(coords.accuracy), 1000000), at: Date.now(),
      };
      tell(last);
    };
    const options = { enableHighAccuracy: true, timeout: patience, maximumAge: 60000 };
    navigator.geolocation.getCurrentPosition(found, () => { clearTimeout(give); tell(here()); }, options);
  });
}

// Metres between two places on the ground, well enough for sorting a list.
export function metres(from, to) {
  if (!from || to.lat === null || to.lat === undefined) return null;
  const turn = Math.PI / 180, north = (to.lat - from.latitude) * turn;
  const east = (to.lon - from.longitude) * turn * Math.cos(to.lat * turn);
  return Math.round(Math.hypot(north, east) * 6371000);
}

export const distance = (m) => m === null ? "" : m < 950 ? `${Math.max(Math.round(m / 50) * 50, 50)} m` : `${(m / 1000).toFixed(1)} km`;
