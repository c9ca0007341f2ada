export interface Region {
  slug: string;
  name: string;
  parent: string | null;
}

export interface Port {
  /** UN/LOCODE. */
  code: string;
  name: string;
  /** The slug of its region. */
  region: string;
}

/** Regions, indented by their level, each with its ports below it. */
const PLACES = `
asia | Asia
  east_asia | East Asia
    china | China
      north_china | North China
        CNTXG Tianjin Xingang, CNTAO Qingdao, CNDLC Dalian, CNYNT Yantai, CNLYG Lianyungang, CNRZH Rizhao, CNYIK Yingkou
      east_china | East China
        CNSHA Shanghai, CNNGB Ningbo, CNTAC Taicang, CNNKG Nanjing, CNZJG Zhangjiagang, CNWNZ Wenzhou, CNZOS Zhoushan
      south_china | South China
        CNYTN Yantian, CNSHK Shekou, CNNSA Nansha, CNXMN Xiamen, CNFOC Fuzhou, CNZHA Zhanjiang, CNHAK Haikou, CNSWA Shantou, HKHKG Hong Kong
    japan_korea | Japan and Korea
      JPTYO Tōkyō, JPYOK Yokohama, JPNGO Nagoya, JPOSA Ōsaka, JPUKB Kōbe, JPHKT Hakata, JPSMZ Shimizu, KRPUS Busan, KRINC Incheon, KRKAN Gwangyang, TWKHH Kaohsiung, TWKEL Keelung, TWTXG Taichung
  southeast_asia | Southeast Asia
    SGSIN Singapore, MYPKG Port Klang, MYTPP Tanjung Pelepas, MYPEN Penang, IDJKT Jakarta, IDSUB Surabaya, IDSRG Semarang, THLCH Laem Chabang, THBKK Bangkok, VNSGN Ho Chi Minh City, VNHPH Hai Phong, VNDAD Da Nang, PHMNL Manila, PHCEB Cebu, KHKOS Sihanoukville
  south_asia | South Asia
    INNSA Nhava Sheva, INMUN Mundra, INMAA Chennai, INCOK Kochi, INCCU Kolkata, INVTZ Visakhapatnam, LKCMB Colombo, BDCGP Chattogram, PKKHI Karachi, PKBQM Port Qasim
  middle_east | Middle East
    AEJEA Jebel Ali, AEKLF Khor Fakkan, AEAUH Abu Dhabi, SAJED Jeddah, SADMM Dammam, OMSLL Salalah, OMSOH Sohar, QAHMD Hamad, KWSWK Shuwaikh, BHKBS Khalifa Bin Salman
europe | Europe
  north_europe | North Europe
    north_sea | North Sea
      NLRTM Rotterdam, NLAMS Amsterdam, BEANR Antwerpen, BEZEE Zeebrugge, DEHAM Hamburg, DEBRV Bremerhaven, DEWVN Wilhelmshaven, FRLEH Le Havre, FRDKK Dunkerque
    british_isles | British Isles
      GBFXT Felixstowe, GBSOU Southampton, GBLGP London Gateway, GBLIV Liverpool, GBIMM Immingham, GBTEE Teesport, GBGRK Greenock, IEDUB Dublin, IEORK Cork
    scandinavia | Scandinavia
      SEGOT Göteborg, SEHEL Helsingborg, SEGVX Gävle, NOOSL Oslo, NOBGO Bergen, NOAES Ålesund, NOSVG Stavanger, DKAAR Aarhus, DKCPH København
    baltic | Baltic
      FIHEL Helsinki, FIKTK Kotka, FIRAU Rauma, EETLL Tallinn, LVRIX Rīga, LTKLJ Klaipėda, PLGDN Gdańsk, PLGDY Gdynia
  south_europe | South Europe
    ESALG Algeciras, ESVLC València, ESBCN Barcelona, ESBIO Bilbao, PTSIE Sines, PTLEI Leixões, FRFOS Fos-sur-Mer, ITGOA Genova, ITSPE La Spezia, ITGIT Gioia Tauro, ITTRS Trieste, MTMAR Marsaxlokk, GRPIR Piraeus, SIKOP Koper, HRRJK Rijeka, TRAMR Ambarlı, TRMER Mersin, ROCND Constanța
americas | Americas
  north_america | North America
    us_west_coast | US West Coast
      USLAX Los Angeles, USLGB Long Beach, USOAK Oakland, USSEA Seattle, USTIW Tacoma, CAVAN Vancouver, CAPRR Prince Rupert
    us_east_coast | US East Coast
      USNYC New York, USORF Norfolk, USSAV Savannah, USCHS Charleston, USHOU Houston, USMIA Miami, USBAL Baltimore, CAMTR Montréal, CAHAL Halifax
  latin_america | Latin America
    BRSSZ Santos, BRPNG Paranaguá, BRITJ Itajaí, ARBUE Buenos Aires, UYMVD Montevideo, CLSAI San Antonio, CLVAP Valparaíso, PECLL Callao, ECGYE Guayaquil, COCTG Cartagena, COBUN Buenaventura, PAMIT Manzanillo, PABLB Balboa, MXZLO Manzanillo, MXVER Veracruz
`;

/** Returns three continents, their regions (two to four levels deep) and the ports in them. */
export function places(): { regions: Region[]; ports: Port[] } {
  const regions: Region[] = [];
  const ports: Port[] = [];
  const path: string[] = [];
  for (const line of PLACES.split("\n")) {
    const text = line.trim();
    if (text === "") continue;
    const level = (line.length - line.trimStart().length) / 2;
    const [slug, name] = text.split(" | ");
    if (slug !== undefined && name !== undefined) {
      regions.push({ slug, name, parent: path[level - 1] ?? null });
      path.splice(level, path.length, slug);
    } else {
      const region = path[level - 1] ?? "";
      for (const port of text.split(", ")) ports.push({ code: port.slice(0, 5), name: port.slice(6), region });
    }
  }
  return { regions, ports };
}
