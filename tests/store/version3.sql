PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE clusters (
  name TEXT PRIMARY KEY,
  backend TEXT,
  accelerator TEXT,
  status TEXT,
  created_at REAL,
  note TEXT,
  price REAL,
  up_at REAL,
  updated_at REAL
);
INSERT INTO "clusters" VALUES('cpu-01','local','CPU','up',1.79564369035781693463e+09,'',0.0,1.79564369070207309727e+09,1.79564369070207309727e+09);
INSERT INTO "clusters" VALUES('cpu-02','local','CPU','up',1.79564369035781693463e+09,'',0.0,1.79564369070207309727e+09,1.79564369070207309727e+09);
CREATE TABLE curve (
  run TEXT,
  step INTEGER,
  fraction REAL,
  loss REAL,
  PRIMARY KEY (run, step)
);
INSERT INTO "curve" VALUES('e0001-r1',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0001-r1',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0001-r2',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0001-r2',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0001-r1',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0001-r1',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0001-r2',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0001-r2',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0002-r1',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0001-r3',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0002-r1',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0002-r1',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0002-r1',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0001-r3',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0001-r3',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0001-r3',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0004-r1',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0004-r1',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0003-r1',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0003-r1',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0004-r1',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0004-r1',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0003-r1',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0003-r1',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0008-r1',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0008-r1',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0005-r2',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0008-r1',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0008-r1',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0005-r2',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0005-r2',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0005-r2',3,0.75,2.7);
INSERT INTO "curve" VALUES('e0006-r2',0,0.0,3.0);
INSERT INTO "curve" VALUES('e0006-r2',1,0.25,2.9);
INSERT INTO "curve" VALUES('e0006-r2',2,0.5,2.8);
INSERT INTO "curve" VALUES('e0006-r2',3,0.75,2.7);
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  time REAL,
  kind TEXT,
  actor TEXT,
  subject TEXT,
  text TEXT,
  data TEXT
);
INSERT INTO "events" VALUES(1,1.79564369033820891378e+09,'study','engine','stub','study stub created','{}');
INSERT INTO "events" VALUES(2,1.79564369033846139909e+09,'engine.started','engine','','process 25860; runs are confined by bubblewrap, no network','{}');
INSERT INTO "events" VALUES(3,1.79564369034404325482e+09,'experiment.queued','engine','e0001','baseline','{}');
INSERT INTO "events" VALUES(4,1.79564369035788846018e+09,'cluster.setting_up','engine','cpu-01','','{}');
INSERT INTO "events" VALUES(5,1.79564369035795855528e+09,'cluster.setting_up','engine','cpu-02','','{}');
INSERT INTO "events" VALUES(6,1.79564369043081665036e+09,'experiment.proposed','optimizer','e0002','WIDTH 64 → 96','{}');
INSERT INTO "events" VALUES(7,1.79564369043096327786e+09,'experiment.queued','engine','e0002','WIDTH 64 → 96','{}');
INSERT INTO "events" VALUES(8,1.79564369070220851897e+09,'cluster.up','engine','cpu-01','','{}');
INSERT INTO "events" VALUES(9,1.79564369070229315752e+09,'cluster.up','engine','cpu-02','','{}');
INSERT INTO "events" VALUES(10,1.79564369070369124416e+09,'run.submitting','engine','e0001-r1','seed 1001','{}');
INSERT INTO "events" VALUES(11,1.79564369070384216306e+09,'run.submitting','engine','e0001-r2','seed 1002','{}');
INSERT INTO "events" VALUES(12,1.79564369070395922663e+09,'run.submitting','engine','e0001-r3','seed 1003','{}');
INSERT INTO "events" VALUES(13,1.79564369070404076579e+09,'run.submitting','engine','e0002-r1','seed 2001','{}');
INSERT INTO "events" VALUES(14,1.7956436907473430633e+09,'run.queued','engine','e0001-r1','','{}');
INSERT INTO "events" VALUES(15,1.79564369074757027629e+09,'run.queued','engine','e0001-r2','','{}');
INSERT INTO "events" VALUES(16,1.7956436907594583034e+09,'run.running','engine','e0001-r1','','{}');
INSERT INTO "events" VALUES(17,1.79564369076069617271e+09,'experiment.running','engine','e0001','on cpu-01','{}');
INSERT INTO "events" VALUES(18,1.79564369076089096069e+09,'run.running','engine','e0001-r2','','{}');
INSERT INTO "events" VALUES(19,1.7956436907926909924e+09,'run.queued','engine','e0002-r1','','{}');
INSERT INTO "events" VALUES(20,1.79564369079444360738e+09,'run.queued','engine','e0001-r3','','{}');
INSERT INTO "events" VALUES(21,1.79564369080669784545e+09,'experiment.proposed','optimizer','e0003','DROPOUT 0.3 → 0.25','{}');
INSERT INTO "events" VALUES(22,1.79564369080676913261e+09,'experiment.queued','engine','e0003','DROPOUT 0.3 → 0.25','{}');
INSERT INTO "events" VALUES(23,1.79564369086891150468e+09,'experiment.proposed','optimizer','e0004','LR 0.1 → 0.06','{}');
INSERT INTO "events" VALUES(24,1.7956436908689873219e+09,'experiment.queued','engine','e0004','LR 0.1 → 0.06','{}');
INSERT INTO "events" VALUES(25,1.79564369110642433171e+09,'run.running','engine','e0002-r1','','{}');
INSERT INTO "events" VALUES(26,1.79564369110656476017e+09,'experiment.running','engine','e0002','on cpu-02','{}');
INSERT INTO "events" VALUES(27,1.79564369112334275245e+09,'run.running','engine','e0001-r3','','{}');
INSERT INTO "events" VALUES(28,1.79564369118082261082e+09,'run.succeeded','engine','e0001-r1','','{}');
INSERT INTO "events" VALUES(29,1.79564369118682360653e+09,'run.submitting','engine','e0003-r1','seed 3001','{}');
INSERT INTO "events" VALUES(30,1.7956436911873178482e+09,'run.succeeded','engine','e0001-r2','','{}');
INSERT INTO "events" VALUES(31,1.79564369118995428081e+09,'run.submitting','engine','e0004-r1','seed 4001','{}');
INSERT INTO "events" VALUES(32,1.7956436911998345852e+09,'run.queued','engine','e0003-r1','','{}');
INSERT INTO "events" VALUES(33,1.79564369120817303657e+09,'run.queued','engine','e0004-r1','','{}');
INSERT INTO "events" VALUES(34,1.79564369122098612787e+09,'experiment.proposed','optimizer','e0005','DEPTH 4 → 5','{}');
INSERT INTO "events" VALUES(35,1.79564369122104740142e+09,'experiment.queued','engine','e0005','DEPTH 4 → 5','{}');
INSERT INTO "events" VALUES(36,1.79564369124569034579e+09,'experiment.proposed','optimizer','e0006','LR 0.1 → 0.15','{}');
INSERT INTO "events" VALUES(37,1.79564369124575924866e+09,'experiment.queued','engine','e0006','LR 0.1 → 0.15','{}');
INSERT INTO "events" VALUES(38,1.79564369145252871514e+09,'run.running','engine','e0004-r1','','{}');
INSERT INTO "events" VALUES(39,1.79564369145267486568e+09,'experiment.running','engine','e0004','on cpu-02','{}');
INSERT INTO "events" VALUES(40,1.79564369147334241868e+09,'run.running','engine','e0003-r1','','{}');
INSERT INTO "events" VALUES(41,1.79564369147352457046e+09,'experiment.running','engine','e0003','on cpu-01','{}');
INSERT INTO "events" VALUES(42,1.79564369153365921971e+09,'run.succeeded','engine','e0002-r1','','{}');
INSERT INTO "events" VALUES(43,1.79564369153899836537e+09,'run.submitting','engine','e0005-r1','seed 5001','{}');
INSERT INTO "events" VALUES(44,1.79564369154266810415e+09,'run.succeeded','engine','e0001-r3','','{}');
INSERT INTO "events" VALUES(45,1.79564369154520869255e+09,'run.submitting','engine','e0006-r1','seed 6001','{}');
INSERT INTO "events" VALUES(46,1795643691.54699,'experiment.judged','engine','e0001','keep: baseline: val_bpb 1.028880 over 3 runs','{}');
INSERT INTO "events" VALUES(47,1.79564369155849504469e+09,'run.queued','engine','e0005-r1','','{}');
INSERT INTO "events" VALUES(48,1.79564369155897235862e+09,'experiment.judged','engine','e0002','keep: val_bpb 1.020005 is 0.008875 (14.3 sd) better than e0001 (1.028880); lines +1 −1','{}');
INSERT INTO "events" VALUES(49,1.79564369156248927121e+09,'run.queued','engine','e0006-r1','','{}');
INSERT INTO "events" VALUES(50,1.79564369158112359043e+09,'experiment.proposed','optimizer','e0007','WIDTH 64 → 128','{}');
INSERT INTO "events" VALUES(51,1.79564369158118462563e+09,'experiment.queued','engine','e0007','WIDTH 64 → 128','{}');
INSERT INTO "events" VALUES(52,1.79564369160007858278e+09,'run.cancelled','engine','e0005-r1','rebased onto e0002','{}');
INSERT INTO "events" VALUES(53,1.79564369160031890864e+09,'run.cancelled','engine','e0006-r1','rebased onto e0002','{}');
INSERT INTO "events" VALUES(54,1.79564369162310433387e+09,'experiment','engine','e0005','rebased onto e0002','{}');
INSERT INTO "events" VALUES(55,1.7956436916413023472e+09,'experiment.proposed','optimizer','e0008','DROPOUT 0.3 → 0.4','{}');
INSERT INTO "events" VALUES(56,1.79564369164136576652e+09,'experiment.queued','engine','e0008','DROPOUT 0.3 → 0.4','{}');
INSERT INTO "events" VALUES(57,1.79564369164249420162e+09,'run.submitting','engine','e0005-r2','seed 5002','{}');
INSERT INTO "events" VALUES(58,1.79564369164260029796e+09,'run.submitting','engine','e0008-r1','seed 8001','{}');
INSERT INTO "events" VALUES(59,1.79564369165406227113e+09,'run.queued','engine','e0005-r2','','{}');
INSERT INTO "events" VALUES(60,1.79564369165691232682e+09,'run.queued','engine','e0008-r1','','{}');
INSERT INTO "events" VALUES(61,1.79564369166822338104e+09,'experiment','engine','e0006','rebased onto e0002','{}');
INSERT INTO "events" VALUES(62,1795643691.68592,'experiment','engine','e0007','rebased onto e0002','{}');
INSERT INTO "events" VALUES(63,1795643691.79641,'run.running','engine','e0008-r1','','{}');
INSERT INTO "events" VALUES(64,1.79564369179655218119e+09,'experiment.running','engine','e0008','on cpu-02','{}');
INSERT INTO "events" VALUES(65,1.79564369182303476329e+09,'run.running','engine','e0005-r2','','{}');
INSERT INTO "events" VALUES(66,1.79564369182317757605e+09,'experiment.running','engine','e0005','on cpu-01','{}');
INSERT INTO "events" VALUES(67,1.79564369187156033522e+09,'run.succeeded','engine','e0004-r1','','{}');
INSERT INTO "events" VALUES(68,1.79564369187455153461e+09,'run.submitting','engine','e0006-r2','seed 6002','{}');
INSERT INTO "events" VALUES(69,1.79564369188329505918e+09,'experiment.judged','engine','e0004','discard: val_bpb 1.024987 is 0.004982 (8.0 sd) worse than e0002 (1.020005); lines +1 −1; on e0001; against e0002 lines +2 −2','{}');
INSERT INTO "events" VALUES(70,1.79564369189576458927e+09,'run.succeeded','engine','e0003-r1','','{}');
INSERT INTO "events" VALUES(71,1.79564369189960789676e+09,'run.submitting','engine','e0007-r1','seed 7001','{}');
INSERT INTO "events" VALUES(72,1.7956436919063556195e+09,'run.queued','engine','e0006-r2','','{}');
INSERT INTO "events" VALUES(73,1.79564369191268849369e+09,'experiment.judged','engine','e0003','discard: val_bpb 1.026778 is 0.006773 (10.9 sd) worse than e0002 (1.020005); lines +1 −1; on e0001; against e0002 lines +2 −2','{}');
INSERT INTO "events" VALUES(74,1.79564369192584347718e+09,'experiment.proposed','optimizer','e0009','DROPOUT 0.3 → 0.25','{}');
INSERT INTO "events" VALUES(75,1795643691.92591,'experiment.queued','engine','e0009','DROPOUT 0.3 → 0.25','{}');
INSERT INTO "events" VALUES(76,1.79564369193017983432e+09,'run.queued','engine','e0007-r1','','{}');
INSERT INTO "events" VALUES(77,1.79564369195494341851e+09,'experiment.proposed','optimizer','e0010','DEPTH 4 → 3','{}');
INSERT INTO "events" VALUES(78,1.79564369195500421524e+09,'experiment.queued','engine','e0010','DEPTH 4 → 3','{}');
INSERT INTO "events" VALUES(79,1.79564369213666677471e+09,'run.running','engine','e0006-r2','','{}');
INSERT INTO "events" VALUES(80,1.79564369213680958747e+09,'experiment.running','engine','e0006','on cpu-02','{}');
INSERT INTO "events" VALUES(81,1.79564369216803503036e+09,'run.running','engine','e0007-r1','','{}');
INSERT INTO "events" VALUES(82,1.79564369216817116734e+09,'experiment.running','engine','e0007','on cpu-01','{}');
INSERT INTO "events" VALUES(83,1.7956436922177364826e+09,'run.succeeded','engine','e0008-r1','','{}');
INSERT INTO "events" VALUES(84,1.79564369221949434278e+09,'run.submitting','engine','e0009-r1','seed 9001','{}');
INSERT INTO "events" VALUES(85,1.79564369222123909001e+09,'experiment.judged','engine','e0008','discard: val_bpb 1.027380 is 0.007375 (11.9 sd) worse than e0002 (1.020005); lines +1 −1','{}');
INSERT INTO "events" VALUES(86,1.79564369223285794259e+09,'run.queued','engine','e0009-r1','','{}');
INSERT INTO "events" VALUES(87,1.79564369224134898184e+09,'run.succeeded','engine','e0005-r2','','{}');
INSERT INTO "events" VALUES(88,1.79564369224291563035e+09,'run.submitting','engine','e0010-r1','seed 10001','{}');
INSERT INTO "events" VALUES(89,1.79564369224517059327e+09,'experiment.judged','engine','e0005','discard: val_bpb 1.020748 is 0.000743 (1.2 sd) worse than e0002 (1.020005); lines +1 −1','{}');
INSERT INTO "events" VALUES(90,1.79564369225564360614e+09,'experiment.proposed','optimizer','e0011','LR 0.1 → 0.12','{}');
INSERT INTO "events" VALUES(91,1.79564369225569891931e+09,'experiment.queued','engine','e0011','LR 0.1 → 0.12','{}');
INSERT INTO "events" VALUES(92,1.79564369226525712011e+09,'run.queued','engine','e0010-r1','','{}');
INSERT INTO "events" VALUES(93,1795643692.28797,'experiment.proposed','optimizer','e0012','DROPOUT 0.3 → 0.35','{}');
INSERT INTO "events" VALUES(94,1.79564369228803205492e+09,'experiment.queued','engine','e0012','DROPOUT 0.3 → 0.35','{}');
INSERT INTO "events" VALUES(95,1.79564369247641611102e+09,'run.running','engine','e0009-r1','','{}');
INSERT INTO "events" VALUES(96,1.79564369247655892377e+09,'experiment.running','engine','e0009','on cpu-02','{}');
INSERT INTO "events" VALUES(97,1.7956436925108520985e+09,'run.running','engine','e0010-r1','','{}');
INSERT INTO "events" VALUES(98,1.79564369251099252696e+09,'experiment.running','engine','e0010','on cpu-01','{}');
INSERT INTO "events" VALUES(99,1.79564369255437612533e+09,'run.succeeded','engine','e0006-r2','','{}');
INSERT INTO "events" VALUES(100,1.79564369255633354185e+09,'run.submitting','engine','e0011-r1','seed 11001','{}');
INSERT INTO "events" VALUES(101,1.79564369255666971209e+09,'experiment.judged','engine','e0006','discard: val_bpb 1.032575 is 0.012570 (20.2 sd) worse than e0002 (1.020005); lines +1 −1','{}');
INSERT INTO "events" VALUES(102,1.79564369257011985782e+09,'run.queued','engine','e0011-r1','','{}');
CREATE TABLE experiments (
  id TEXT PRIMARY KEY,
  number INTEGER,
  wave INTEGER,
  status TEXT,
  title TEXT,
  hypothesis TEXT,
  origin TEXT,
  created_at REAL,
  edits TEXT,
  parent TEXT,
  expected TEXT,
  priority INTEGER,
  "commit" TEXT,
  digest TEXT,
  constants TEXT,
  lines_added INTEGER,
  lines_removed INTEGER,
  runs_wanted INTEGER,
  approve_at REAL,
  verdict TEXT,
  certified INTEGER,
  value REAL,
  gain REAL,
  accelerator TEXT,
  why TEXT,
  judged_at REAL,
  is_best INTEGER,
  rev INTEGER
);
INSERT INTO "experiments" VALUES('e0001',1,1,'judged','baseline','The files as they are; their repeats tell how much the metric spreads.','baseline',1.79564369034236025806e+09,'[]',NULL,'',0,'4fb24f874f62a608fe561eb8521310e7a75520b8','20e951a78c2db9141c39f1e09145acba03d66f39fe0eef124bb9201d0e2a95da','{"LR": 0.1, "WIDTH": 64, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',0,0,3,NULL,'keep',0,1.02888033333333339669e+00,NULL,'CPU','baseline: val_bpb 1.028880 over 3 runs',1.79564369154654407496e+09,0,60);
INSERT INTO "experiments" VALUES('e0002',2,2,'judged','WIDTH 64 → 96','How much WIDTH matters is not known yet; one step tells.','optimizer',1.79564369040848898885e+09,'[{"file": "train.py", "constant": "WIDTH", "value": 96}]','e0001','',0,'a9f6ddd875b41fa9965cf64bad7ae03b93546ff2','3f2526270ec099f50eeab1f10dab99ce632cfe458663d6131b1398ef0cf47a96','{"LR": 0.1, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,'keep',0,1.020005,8.8753333333333461752e-03,'CPU','val_bpb 1.020005 is 0.008875 (14.3 sd) better than e0001 (1.028880); lines +1 −1',1.79564369155896472931e+09,1,61);
INSERT INTO "experiments" VALUES('e0003',3,3,'judged','DROPOUT 0.3 → 0.25','How much DROPOUT matters is not known yet; one step tells.','optimizer',1795643690.76449,'[{"file": "train.py", "constant": "DROPOUT", "value": 0.25}]','e0001','',0,'238f20d4b4fd1d4876e6875c750b671efa859bab','b45366c24a391372a3b70438c649a20f3413c067eee00fa36da7492bf5b86b0a','{"LR": 0.1, "WIDTH": 64, "DEPTH": 4, "DROPOUT": 0.25, "MODE": "plain"}',1,1,1,NULL,'discard',0,1.026778,-6.77299999999991797494e-03,'CPU','val_bpb 1.026778 is 0.006773 (10.9 sd) worse than e0002 (1.020005); lines +1 −1; on e0001; against e0002 lines +2 −2',1.79564369191267371181e+09,0,94);
INSERT INTO "experiments" VALUES('e0004',4,3,'judged','LR 0.1 → 0.06','How much LR matters is not known yet; one step tells.','optimizer',1.79564369080698537826e+09,'[{"file": "train.py", "constant": "LR", "value": 0.06}]','e0001','',0,'ecec419062a41c6e17c990bc06b22233b1a3fc5e','a0e9186eb927b73e4675c857233dec129fe0a82e2b9f4bb31a64567e4d6038e0','{"LR": 0.06, "WIDTH": 64, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,'discard',0,1.024987,-4.98200000000004195044e-03,'CPU','val_bpb 1.024987 is 0.004982 (8.0 sd) worse than e0002 (1.020005); lines +1 −1; on e0001; against e0002 lines +2 −2',1.79564369188328099252e+09,0,88);
INSERT INTO "experiments" VALUES('e0005',5,4,'judged','DEPTH 4 → 5','How much DEPTH matters is not known yet; one step tells.','optimizer',1.79564369119785428047e+09,'[{"file": "train.py", "constant": "DEPTH", "value": 5}]','e0002','',0,'c24081341b8b7a2c00553d7e0c0f873a1ad42db2','18366dfc0bbd7bc839012749d4fc4e9f0db1edec93b0d46df6e4e19d2ce8b567','{"LR": 0.1, "WIDTH": 96, "DEPTH": 5, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,'discard',0,1.020748,-7.4299999999993815436e-04,'CPU','val_bpb 1.020748 is 0.000743 (1.2 sd) worse than e0002 (1.020005); lines +1 −1',1.79564369224515891078e+09,0,118);
INSERT INTO "experiments" VALUES('e0006',6,5,'judged','LR 0.1 → 0.15','How much LR matters is not known yet; one step tells.','optimizer',1.79564369122698068619e+09,'[{"file": "train.py", "constant": "LR", "value": 0.15}]','e0002','',0,'e8350e7ed55f7200018ce176d2ec45ef201ed8f5','44a12babecf0a9aa109d24bb30ed414a025b1676c20434c1770d8164fc6a7e17','{"LR": 0.15, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,'discard',0,1.032575,-1.25699999999999700861e-02,'CPU','val_bpb 1.032575 is 0.012570 (20.2 sd) worse than e0002 (1.020005); lines +1 −1',1.79564369255665946009e+09,0,137);
INSERT INTO "experiments" VALUES('e0007',7,6,'running','WIDTH 64 → 128','How much WIDTH matters is not known yet; one step tells.','optimizer',1.79564369155709099767e+09,'[{"file": "train.py", "constant": "WIDTH", "value": 128}]','e0002','',0,'e7c7c031b3c49b17d631eb042eda3a350a9d5bf0','11fcbdf085515a81ab00bcc2338f3bc2382be8e586e91b9b81a03e18c8c7ab6f','{"LR": 0.1, "WIDTH": 128, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,NULL,0,NULL,NULL,NULL,'',NULL,0,109);
INSERT INTO "experiments" VALUES('e0008',8,7,'judged','DROPOUT 0.3 → 0.4','How much DROPOUT matters is not known yet; one step tells.','optimizer',1.79564369162334299084e+09,'[{"file": "train.py", "constant": "DROPOUT", "value": 0.4}]','e0002','',0,'42641809977d8daf231bbe3a03951ceb85a871f6','fdf4a44af29f2bb5b7b8c5f10310442bebe1847a729a431ccc504a7b250692d7','{"LR": 0.1, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.4, "MODE": "plain"}',1,1,1,NULL,'discard',0,1.02738,-7.3749999999999094058e-03,'CPU','val_bpb 1.027380 is 0.007375 (11.9 sd) worse than e0002 (1.020005); lines +1 −1',1.79564369222116327283e+09,0,112);
INSERT INTO "experiments" VALUES('e0009',9,8,'running','DROPOUT 0.3 → 0.25','How much DROPOUT matters is not known yet; one step tells.','optimizer',1.79564369189239215855e+09,'[{"file": "train.py", "constant": "DROPOUT", "value": 0.25}]','e0002','',0,'02c8e452f16236d7c7f32c0d736afe42bc995bc7','c0ce694e565192ca75ec2d2fa5cfe37ea56702700a0c4bc957b5937de1739b04','{"LR": 0.1, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.25, "MODE": "plain"}',1,1,1,NULL,NULL,0,NULL,NULL,NULL,'',NULL,0,132);
INSERT INTO "experiments" VALUES('e0010',10,9,'running','DEPTH 4 → 3','How much DEPTH matters is not known yet; one step tells.','optimizer',1.79564369193661808963e+09,'[{"file": "train.py", "constant": "DEPTH", "value": 3}]','e0002','',0,'ffd2eed018dc0d90506d473018a839bd8d43316e','b933da8311797b180a5233a89ade3baee238929f773bfbbd8cda76526627f09b','{"LR": 0.1, "WIDTH": 96, "DEPTH": 3, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,NULL,0,NULL,NULL,NULL,'',NULL,0,134);
INSERT INTO "experiments" VALUES('e0011',11,10,'queued','LR 0.1 → 0.12','How much LR matters is not known yet; one step tells.','optimizer',1.79564369223133134842e+09,'[{"file": "train.py", "constant": "LR", "value": 0.12}]','e0002','',0,'5c4183e6eb8e0744764db9d3e617738ceabdc3c7','ed15f6f887e64cb2aadbd914543f5beebdd580b494727e4e3d3d367d7b8ddad1','{"LR": 0.12, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.3, "MODE": "plain"}',1,1,1,NULL,NULL,0,NULL,NULL,NULL,'',NULL,0,122);
INSERT INTO "experiments" VALUES('e0012',12,11,'queued','DROPOUT 0.3 → 0.35','DROPOUT explains 37% of the differences so far; the best five results have 0.25, 0.3, 0.4.','optimizer',1.7956436922701928616e+09,'[{"file": "train.py", "constant": "DROPOUT", "value": 0.35}]','e0002','gain -0.0003 ± 0.0035 val_bpb by the linear model',0,'22e2e0ff58be681a63d1a22e294e8410ac58a27d','7f7a702f46760d3cf2ce70d5529fc959962f9ed46f9de3bff7e831c0b6190473','{"LR": 0.1, "WIDTH": 96, "DEPTH": 4, "DROPOUT": 0.35, "MODE": "plain"}',1,1,1,NULL,NULL,0,NULL,NULL,NULL,'',NULL,0,128);
CREATE TABLE progress (
  run TEXT PRIMARY KEY,
  fraction REAL,
  step INTEGER,
  loss REAL,
  remaining REAL,
  line TEXT,
  updated_at REAL
);
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  experiment TEXT REFERENCES experiments (id),
  ordinal INTEGER,
  status TEXT,
  seed INTEGER,
  created_at REAL,
  cluster TEXT,
  accelerator TEXT,
  submitted_at REAL,
  started_at REAL,
  ended_at REAL,
  exit_code INTEGER,
  value REAL,
  metrics TEXT,
  why TEXT,
  rev INTEGER
);
INSERT INTO "runs" VALUES('e0001-r1','e0001',1,'succeeded',1001,1.79564369070357322689e+09,'cpu-01','CPU',1.79564369074730396276e+09,1.79564369075084853165e+09,1.79564369111475157737e+09,0,1.029343,'{"val_bpb": 1.029343, "peak_vram_mb": 512.0}','',32);
INSERT INTO "runs" VALUES('e0001-r2','e0001',2,'succeeded',1002,1.79564369070378112786e+09,'cpu-02','CPU',1.79564369074756073956e+09,1.79564369075219225878e+09,1.79564369110100483894e+09,0,1.029125,'{"val_bpb": 1.029125, "peak_vram_mb": 512.0}','',34);
INSERT INTO "runs" VALUES('e0001-r3','e0001',3,'succeeded',1003,1.7956436907038972378e+09,'cpu-01','CPU',1.79564369079442262651e+09,1.79564369112203931809e+09,1.79564369146496915813e+09,0,1.028173,'{"val_bpb": 1.028173, "peak_vram_mb": 512.0}','',54);
INSERT INTO "runs" VALUES('e0002-r1','e0002',1,'succeeded',2001,1.79564369070401096345e+09,'cpu-02','CPU',1.79564369079265880591e+09,1.7956436911043236256e+09,1.79564369144533419607e+09,0,1.020005,'{"val_bpb": 1.020005, "peak_vram_mb": 512.0}','',52);
INSERT INTO "runs" VALUES('e0003-r1','e0003',1,'succeeded',3001,1795643691.18675,'cpu-01','CPU',1.79564369119981861108e+09,1.79564369147213864332e+09,1.79564369181538200379e+09,0,1.026778,'{"val_bpb": 1.026778, "peak_vram_mb": 512.0}','',91);
INSERT INTO "runs" VALUES('e0004-r1','e0004',1,'succeeded',4001,1.79564369118990445131e+09,'cpu-02','CPU',1.79564369120815658575e+09,1.79564369145091128347e+09,1.79564369178943967816e+09,0,1.024987,'{"val_bpb": 1.024987, "peak_vram_mb": 512.0}','',86);
INSERT INTO "runs" VALUES('e0005-r1','e0005',1,'cancelled',5001,1.79564369153891873354e+09,'cpu-02','CPU',1.79564369155847907062e+09,NULL,NULL,NULL,NULL,'{}','rebased onto e0002',69);
INSERT INTO "runs" VALUES('e0006-r1','e0006',1,'cancelled',6001,1.79564369154515171044e+09,'cpu-01','CPU',1.79564369156247401236e+09,NULL,NULL,NULL,NULL,'{}','rebased onto e0002',70);
INSERT INTO "runs" VALUES('e0005-r2','e0005',2,'succeeded',5002,1.79564369164243292807e+09,'cpu-01','CPU',1.7956436916540427208e+09,1.79564369182095479957e+09,1.79564369216093802457e+09,0,1.020748,'{"val_bpb": 1.020748, "peak_vram_mb": 512.0}','',116);
INSERT INTO "runs" VALUES('e0008-r1','e0008',1,'succeeded',8001,1.79564369164256691928e+09,'cpu-02','CPU',1.79564369165689706802e+09,1.79564369179517388346e+09,1.7956436921323821544e+09,0,1.02738,'{"val_bpb": 1.02738, "peak_vram_mb": 512.0}','',110);
INSERT INTO "runs" VALUES('e0006-r2','e0006',2,'succeeded',6002,1.79564369187445068364e+09,'cpu-02','CPU',1.79564369190633058544e+09,1.79564369213542675968e+09,1.79564369247254252432e+09,0,1.032575,'{"val_bpb": 1.032575, "peak_vram_mb": 512.0}','',135);
INSERT INTO "runs" VALUES('e0007-r1','e0007',1,'running',7001,1.79564369189845633506e+09,'cpu-01','CPU',1.7956436919301621914e+09,1.79564369216675949101e+09,NULL,NULL,NULL,'{}','',108);
INSERT INTO "runs" VALUES('e0009-r1','e0009',1,'running',9001,1.79564369221943926809e+09,'cpu-02','CPU',1.79564369223284077642e+09,1.7956436924752089977e+09,NULL,NULL,NULL,'{}','',131);
INSERT INTO "runs" VALUES('e0010-r1','e0010',1,'running',10001,1.79564369224286270142e+09,'cpu-01','CPU',1.79564369226523733134e+09,1795643692.50919,NULL,NULL,NULL,'{}','',133);
INSERT INTO "runs" VALUES('e0011-r1','e0011',1,'queued',11001,1.79564369255627846724e+09,'cpu-02','CPU',1.79564369257010364531e+09,NULL,NULL,NULL,NULL,'{}','',140);
CREATE TABLE study (
  id INTEGER PRIMARY KEY,
  tag TEXT,
  repository TEXT,
  base_commit TEXT,
  metric TEXT,
  minimize INTEGER,
  status TEXT,
  approval TEXT,
  created_at REAL,
  started_at REAL,
  ended_at REAL,
  end_reason TEXT,
  researcher TEXT,
  researcher_state TEXT,
  max_experiments INTEGER,
  deadline REAL,
  budget_usd REAL,
  spent_usd REAL,
  noise_sd REAL,
  engine_pid INTEGER,
  heartbeat_at REAL,
  rev INTEGER
, confinement TEXT NOT NULL DEFAULT '');
INSERT INTO "study" VALUES(1,'stub','/home/ada/night','4fb24f874f62a608fe561eb8521310e7a75520b8','val_bpb',1,'running','auto',1.79564369033798503869e+09,1.79564369033798503869e+09,NULL,'','optimizer','thinking of 1 more',50,NULL,NULL,0.0,6.22190753172449217273e-04,25860,1.79564369235790491103e+09,140,'runs are confined by bubblewrap, no network');
CREATE TABLE thoughts (
  seq INTEGER PRIMARY KEY,
  turn INTEGER,
  time REAL,
  researcher TEXT,
  kind TEXT,
  text TEXT
);
INSERT INTO "thoughts" VALUES(1,1,1.79564369040780663494e+09,'optimizer','table','0 results, 0 crashes, incumbent e0001
too few results for a model: constants one at a time');
INSERT INTO "thoughts" VALUES(2,1,1.79564369040814495086e+09,'optimizer','text','WIDTH 64 → 96. How much WIDTH matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(3,2,1795643690.76419,'optimizer','text','DROPOUT 0.3 → 0.25. How much DROPOUT matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(4,2,1.7956436907642354965e+09,'optimizer','text','LR 0.1 → 0.06. How much LR matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(5,3,1.79564369119703960415e+09,'optimizer','text','DEPTH 4 → 5. How much DEPTH matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(6,4,1.79564369122672581671e+09,'optimizer','text','LR 0.1 → 0.15. How much LR matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(7,5,1.79564369155583548548e+09,'optimizer','text','WIDTH 64 → 128. How much WIDTH matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(8,6,1.79564369160452508931e+09,'optimizer','table','2 results, 0 crashes, incumbent e0002
too few results for a model: constants one at a time');
INSERT INTO "thoughts" VALUES(9,6,1795643691.60457,'optimizer','text','DROPOUT 0.3 → 0.4. How much DROPOUT matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(10,7,1.79564369189110088352e+09,'optimizer','table','3 results, 0 crashes, incumbent e0002
too few results for a model: constants one at a time');
INSERT INTO "thoughts" VALUES(11,7,1.79564369189161372186e+09,'optimizer','text','DROPOUT 0.3 → 0.25. How much DROPOUT matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(12,8,1.79564369193614625924e+09,'optimizer','table','4 results, 0 crashes, incumbent e0002
too few results for a model: constants one at a time');
INSERT INTO "thoughts" VALUES(13,8,1.79564369193636250493e+09,'optimizer','text','DEPTH 4 → 3. How much DEPTH matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(14,9,1.79564369222970747954e+09,'optimizer','table','5 results, 0 crashes, incumbent e0002
too few results for a model: constants one at a time');
INSERT INTO "thoughts" VALUES(15,9,1.79564369223014521593e+09,'optimizer','text','LR 0.1 → 0.12. How much LR matters is not known yet; one step tells.');
INSERT INTO "thoughts" VALUES(16,10,1.79564369226990342134e+09,'optimizer','table','6 results, 0 crashes, incumbent e0002
constant                share  moved  now
DROPOUT                   37%      2  0.3
WIDTH                     35%      3  96
DEPTH                     26%      1  4
LR                         3%      1  0.1');
INSERT INTO "thoughts" VALUES(17,10,1.79564369226995635027e+09,'optimizer','text','DROPOUT 0.3 → 0.35. DROPOUT explains 37% of the differences so far; the best five results have 0.25, 0.3, 0.4.');
INSERT INTO "thoughts" VALUES(18,11,1.79564369256797289843e+09,'optimizer','table','7 results, 0 crashes, incumbent e0002
constant                share  moved  now
LR                        53%      2  0.1
DEPTH                     22%      1  4
DROPOUT                   13%      2  0.3
WIDTH                     12%      4  96');
INSERT INTO "thoughts" VALUES(19,11,1.79564369256802272793e+09,'optimizer','text','DEPTH 4 → 6. DEPTH explains 22% of the differences so far; the best five results have 4, 5.');
CREATE UNIQUE INDEX idx_experiments_number ON experiments (number);
CREATE INDEX idx_experiments_status ON experiments (status);
CREATE INDEX idx_experiments_rev ON experiments (rev);
CREATE INDEX idx_experiments_digest ON experiments (digest);
CREATE INDEX idx_runs_experiment ON runs (experiment);
CREATE INDEX idx_runs_status ON runs (status);
CREATE INDEX idx_runs_cluster_started_at ON runs (cluster, started_at);
CREATE INDEX idx_runs_rev ON runs (rev);
CREATE INDEX idx_thoughts_turn ON thoughts (turn);
CREATE INDEX idx_events_kind ON events (kind);
COMMIT;
