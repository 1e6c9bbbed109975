import { type DocxBlock, makeDocx } from './make-docx.ts';
import { makePdf } from './make-pdf.ts';

const LINE_LENGTH = 86;

/** `fixtures/documents/reports/annual-report-2024.pdf`: four pages of headings, paragraphs and lines of figures. */
export function annualReportPdf(): Buffer {
  return makePdf(
    ANNUAL_REPORT.map((page) => page.flatMap(layOut)),
    { title: 'Tidewater Library: Annual report 2024' },
  );
}

/** `fixtures/documents/policies/donations-and-gifts.docx`: headings, lists and a table. */
export function donationsPolicyDocx(): Buffer {
  return makeDocx(DONATIONS_POLICY);
}

/** Breaks a paragraph into lines that fit the page; headings and lines of figures stay whole. */
function layOut(paragraph: string): string[] {
  if (paragraph.startsWith('#')) return [paragraph];
  const lines: string[] = [];
  let line = '';
  for (const word of paragraph.split(' ')) {
    if (line !== '' && line.length + word.length >= LINE_LENGTH) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line, ''];
}

// The generated PDF knows Latin-1 only, hence "EUR".
const ANNUAL_REPORT: readonly (readonly string[])[] = [
  [
    '# Annual report 2024',
    'Tidewater Library, Port Ellery. Laid before the library board on 27 February 2025 by Ingrid Solheim, Director.',
    '## The year in one page',
    'People came through our doors 412,306 times, four per cent more than in 2023 and, for the first time, more often than before the pandemic. They borrowed 538,914 things. Of these, 121,480 were e-books and e-audio, and 4,217 came from the Library of Things, where the carpet cleaner once again beat everything else: it was at home with us for only nineteen days of the year.',
    'At the end of December 19,872 people held a valid card. We issued 3,104 new ones, 418 of them to seafarers under 37 flags.',
    'What went well: the Boatshed was full, the homework club opened a fourth day, the Halloran glass negatives went online complete. What did not: the refurbishment of the Lantern Hill path was put off for the second time, the summer heat closed the quiet study room on six afternoons, and 41 letters with the wrong address cost us trust that we are still earning back.',
    'The sentence of the year was said at the front desk by a boy of six, handing in a book on volcanoes: "This one is finished, you can have the rest of them."',
    '## Thanks',
    'To 84 volunteers, to the Friends of Tidewater, to the town council, and to the night porter of the harbour office, who rang at ten past four in the morning when water was where it should not be.',
  ],
  [
    '# Use',
    '## Visits by site',
    'Central 291,480. Lantern Hill 71,922. The Boatshed 38,204. Gannet Island 6,318. The Petrel 4,382.',
    'The busiest day was Saturday 12 October, the day of the apple fair, with 2,911 visits at Central; the quietest open day was Tuesday 6 February, in snow, with 94.',
    '## Loans by kind',
    'Books for adults 214,902. Books for children and young people 143,377. E-media 121,480. Audio, film and games 42,610. World languages 12,328. Library of Things 4,217.',
    'The most borrowed novel was "The Lighthouse Accountant" by Magda Varga, lent 1,019 times from 31 copies. The most borrowed picture book was "Where the Tide Keeps Its Shoes" by Ines Albrecht. The most reserved item of all was the telescope, in the week of the August meteors.',
    '## The Boatshed',
    'We counted 9,640 machine sessions by 1,377 people, 46 per cent of them women and girls. Blue inductions were held 97 times. The laser ran for 1,206 hours. Both fire incidents of the year are described in the incident log.',
    '## The Petrel',
    'Of 26 planned circuits 21 sailed and five were cancelled, four because of wind and one because of fog. On 7 August she touched ground at the jetty without damage.',
    '## Questions',
    'For one week in March and one in November every question at every desk was counted. Of 6,118 questions, 39 per cent were about technology, 27 per cent about finding something on our shelves, 14 per cent about dealing with an office, and 11 per cent about where the toilets are. The remaining nine per cent were the interesting ones.',
  ],
  [
    '# Money and people',
    '## Income',
    'Town of Port Ellery EUR 2,890,000. County grant EUR 214,000. Room hire, printing and charges EUR 141,000. Project grants EUR 102,000. Donations and legacies EUR 65,000. Together EUR 3,412,000.',
    '## Spending',
    'Staff EUR 2,318,000. Buildings and energy EUR 402,000. IT EUR 196,000. Collections EUR 182,000. Programmes and Boatshed EUR 131,600. The Petrel EUR 118,400. Put into the building reserve EUR 64,000.',
    'One visit therefore cost EUR 8.12 before anything was put aside, nine cents less than in 2023. The building reserve stands at EUR 512,000; the slate of the Customs House roof, due in 2027, is estimated at EUR 780,000.',
    '## Staff',
    'Fifty-eight colleagues shared 43.5 full-time posts. Four left, two of them into retirement: Brigid Hallam after 38 years at the returns desk, and Olu Mensah, who mended our clocks. Six joined. Sick leave fell from 5.1 to 4.4 per cent of working time. Each colleague took 4.2 days of training on average.',
    '## Wages',
    'The gap between the average hourly pay of women and men, measured since 2016, is 1.3 per cent in favour of women. The Director earns 3.6 times as much as the lowest paid colleague.',
    '## Energy and climate',
    'Since the heat pumps replaced the boiler, emissions from heating have fallen by 84 per cent against 2021. The remaining gas was burnt on 31 mornings. The van has been electric since May.',
  ],
  [
    '# What comes next',
    '## Aims for 2025',
    '1. Open Lantern Hill on Mondays from September, with self-service in the first two hours.',
    '2. Bring the share of newborns whose First Tide card is used before the first birthday from 41 to 55 per cent.',
    '3. Mend the Lantern Hill path: slope 1 in 16, with a handrail and two benches, EUR 92,000, of which the county pays half.',
    '4. Record thirty more interviews for the oral history collection, above all with people who worked in the cannery before it closed in 1989.',
    '5. Rebuild any system from its copy in under an hour. In 2024 it took 74 minutes at best.',
    '## What we will stop doing',
    'The printed events calendar ends in June; 61 people will miss it and receive a letter instead. The DVD collection is no longer added to. The coffee machine on the first floor is not replaced a third time.',
    '## Risks',
    'Water first. The harbour office expects three to five Amber tides a winter by 2035 to become nine to twelve. A study of a flood gate at Slip Lane (EUR 35,000) is to be ready in November 2025. Second, the contract for e-media ends in March 2026, and the publishers ask for 18 per cent more. Third, one in four colleagues reaches pension age before 2031.',
    '## The board',
    'Chair: Honor Castellane. Deputy: Matthias Grau. Members: Fatou Diallo, Einar Sund, Rose Ferreira, and for the Teen Board, with a vote, Juniper Lock, aged 17. The board met six times, in public, in the Bonded Store. Its next meeting is on 24 April 2025 at 18:30.',
  ],
];

const DONATIONS_POLICY: readonly (DocxBlock | string)[] = [
  { heading: 'Donations and gifts' },
  'Policy of Tidewater Library, adopted by the board on 19 September 2023, reviewed every three years. Responsible: Dr Beatrix Thorne for things, Samuel Okonkwo for money.',
  { heading: 'Books and other things', level: 2 },
  { heading: 'What we take', level: 3 },
  'Books are taken in on Thursdays between 14:00 and 17:00 at the Slip Lane door, by appointment, at most two boxes or thirty books from one household a month. Bring them in boxes that one person can lift. Nothing is to be left at the door: the night drop has once been fed a whole estate, one volume at a time, in the rain.',
  {
    list: [
      'Welcome: local history in any condition, children’s books in good condition, books in languages that are spoken here, novels of the last five years, sheet music, working board games with all their parts.',
      'Not taken: encyclopaedias, condensed books, textbooks older than three years, magazines, video cassettes, anything that smells of cellar.',
      'Instruments and tools are taken for the Library of Things after a look by Tomasz Wrona.',
    ],
  },
  { heading: 'What becomes of them', level: 3 },
  'A gift becomes ours without conditions. About one book in eight goes on our shelves, five go to the book sale, and two to the paper mill. We cannot tell you afterwards which was which, and we do not give them back. Every gift spends seven days in the freezer before it meets our collections.',
  'We do not put a value on gifts for the tax office. On request the donor gets a receipt with the number of items.',
  { heading: 'Bookplates', level: 3 },
  'For €25 a new book is bought in somebody’s name, chosen by us within a subject chosen by them, with a plate inside the cover. About ninety such plates are set a year; the most frequent occasion is a retirement, the second a cat.',
  { heading: 'Money', level: 2 },
  {
    table: [
      ['Sum', 'Accepted by', 'Answer to the donor'],
      ['up to €500', 'any colleague, against a receipt', 'card, within ten days'],
      ['€501 to €5,000', 'Samuel Okonkwo', 'letter from the Director, within ten days'],
      ['above €5,000', 'the board, in public session', 'visit, if wanted'],
    ],
  },
  'A donor may name a purpose if the purpose is already ours. Gifts that would oblige us to spend more than they bring, to buy a certain author, or to keep something for ever, are declined. So are gifts from firms that bid for a contract with us, within two years before and after.',
  { heading: 'Names on walls', level: 3 },
  'Rooms are not named after living people, and not after companies at all. From €50,000 a bench, a window or a reading lamp may carry a small brass plate for twenty years. The plate is polished by us, on Fridays.',
  { heading: 'Anonymous gifts', level: 3 },
  'Cash found in the box by the scale is counted on the first of the month by two people. An anonymous gift above €1,000 is accepted only if the board’s chair knows who gave it. In 2021 an envelope with €3,000 and the words “for the boy who waited” was given to the homework club; the chair knew.',
  { heading: 'Legacies', level: 2 },
  'Whoever wishes to remember the library in a will finds a model sentence at the front desk. We recommend the words “for the general purposes of the library”, since purposes outlive their objects: the fund for the upkeep of the reading room’s canaries, of 1931, still yields €44 a year, and there has been no canary since 1952. The money buys bird books, with the consent of the court.',
  { heading: 'Declining', level: 2 },
  'To say no well: thank, give one reason, name a place that might say yes (the Mission, the school, the harbour museum), and hold the door. Staff may not accept gifts for themselves above a value of ten euros. Fish counts as a gift.',
];
