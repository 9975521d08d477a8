// At the door nobody is signed in: no list of borrowers stays in this browser. What an agent did and could not send yet does stay.
import { DAY } from "./store.js";

indexedDB.deleteDatabase(DAY);
